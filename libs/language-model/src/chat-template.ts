// A model's chat template: a conversation to the text that the model was trained on.
import { Template } from '@huggingface/jinja';
import { isJsonObject, type JsonObject } from './config-values.ts';
import { ModelError } from './model-error.ts';

/** One turn of a conversation. */
export interface Message {
  readonly role: string;
  readonly content: string;
}

/** Renders a conversation up to where the assistant's answer begins. */
export type ChatTemplate = (messages: readonly Message[]) => string;

/** Special tokens that templates may name. */
const SPECIAL_TOKENS = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
];

/** The text of a token, which a configuration says as a string or as an object. */
export function tokenText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return isJsonObject(value) && typeof value['content'] === 'string' ? value['content'] : undefined;
}

/** The template's source: a string, or the one named default of a list. */
function sourceOf(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  const list: unknown[] = Array.isArray(value) ? value : [];
  const named = list.filter(isJsonObject);
  const chosen = named.find(({ name }) => name === 'default')?.['template'];
  if (typeof chosen === 'string') return chosen;
  const names = named.map(({ name }) => String(name));
  throw new ModelError(
    names.length === 0
      ? `${path}: no chat_template; add a file chat_template.jinja beside it, for example that of the model's instruction-tuned sibling`
      : `${path}: chat_template names ${names.join(', ')} and no default; put the one to use into chat_template.jinja`,
  );
}

/**
 * Compiles a chat template.
 *
 * What templates of Llama 3 print as today's date is the fixed one that they fall back to, so that a prompt is the same every day.
 *
 * @param config The content of `tokenizer_config.json`.
 * @param file The content of `chat_template.jinja`, which counts before the configuration's own.
 * @throws {ModelError} if there is none, or it is no template.
 */
export function chatTemplate(config: JsonObject, file: string | undefined, folder: string): ChatTemplate {
  const path = `${folder}/${file === undefined ? 'tokenizer_config.json' : 'chat_template.jinja'}`;
  const source = sourceOf(file ?? config['chat_template'], path);
  let template: Template;
  try {
    template = new Template(source);
  } catch (cause) {
    throw new ModelError(
      `${path}: the chat template cannot be parsed: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  const special = SPECIAL_TOKENS.flatMap((key) => {
    const text = tokenText(config[key]);
    return text === undefined ? [] : [[key, text] as const];
  });
  const variables = {
    ...Object.fromEntries(special),
    add_generation_prompt: true,
    date_string: '26 Jul 2024',
  };
  return (messages) =>
    template.render({ ...variables, messages: messages.map((message) => ({ ...message })) });
}
