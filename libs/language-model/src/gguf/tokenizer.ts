// The tokenizer.json and tokenizer_config.json that a GGUF file's metadata amounts to.
import { type JsonObject } from '../config-values.ts';
import { ModelError } from '../model-error.ts';
import { type GgufMetadata } from './metadata.ts';

/** llama.cpp's token types. */
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;

const BYTES = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false };

const splitting = (pattern: string): JsonObject => ({
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    { ...BYTES, use_regex: false },
  ],
});

const words = (digits: string): string =>
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

interface Splitter {
  readonly normalizer: JsonObject | null;
  readonly preTokenizer: JsonObject;
  /** Whether a word that is a token as a whole skips the merges. */
  readonly ignoreMerges?: boolean;
}

const GPT2: Splitter = { normalizer: null, preTokenizer: { ...BYTES, use_regex: true } };
const QWEN2: Splitter = {
  normalizer: { type: 'NFC' },
  preTokenizer: splitting(words(String.raw`\p{N}`)),
};
const LLAMA3: Splitter = {
  normalizer: null,
  preTokenizer: splitting(words(String.raw`\p{N}{1,3}`)),
  ignoreMerges: true,
};
const SMOLLM: Splitter = {
  normalizer: null,
  preTokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Digits', individual_digits: true },
      { ...BYTES, use_regex: true },
    ],
  },
};

/** How text is split before the merges, by `tokenizer.ggml.pre`, as in the tokenizer.json of the models it is named after. */
const SPLITTERS: Readonly<Record<string, Splitter>> = {
  'gpt-2': GPT2,
  default: GPT2,
  smollm: SMOLLM,
  qwen2: QWEN2,
  'deepseek-r1-qwen': QWEN2,
  'llama-bpe': LLAMA3,
  'llama-v3': LLAMA3,
  llama3: LLAMA3,
};

function splitterOf(metadata: GgufMetadata): Splitter {
  const model = metadata.text('tokenizer.ggml.model');
  if (model !== 'gpt2') {
    throw new ModelError(
      `${metadata.path}: tokenizer model ${JSON.stringify(model)} is not supported; supported: gpt2 (byte-level BPE); use the safetensors checkpoint with its tokenizer.json`,
    );
  }
  const pre = metadata.maybeText('tokenizer.ggml.pre') ?? 'default';
  // Early files of Qwen say nothing, and mean their own.
  if (pre === 'default' && metadata.text('general.architecture').startsWith('qwen')) return QWEN2;
  const splitter = Object.hasOwn(SPLITTERS, pre) ? SPLITTERS[pre] : undefined;
  if (splitter !== undefined) return splitter;
  throw new ModelError(
    `${metadata.path}: tokenizer.ggml.pre ${JSON.stringify(pre)} is not supported; supported: ${Object.keys(SPLITTERS).join(', ')}; use the safetensors checkpoint with its tokenizer.json`,
  );
}

function mergePair(merge: string, path: string): [string, string] {
  // A part never is a space, but may begin with one in vocabularies that are not byte-level.
  const middle = merge.indexOf(' ', 1);
  if (middle < 1) throw new ModelError(`${path}: tokenizer.ggml.merges has ${JSON.stringify(merge)}`);
  return [merge.slice(0, middle), merge.slice(middle + 1)];
}

/** The `tokenizer.json` object. */
export function ggufTokenizer(metadata: GgufMetadata): JsonObject {
  const splitter = splitterOf(metadata);
  const tokens = metadata.texts('tokenizer.ggml.tokens');
  const types = metadata.maybeNumbers('tokenizer.ggml.token_type');
  const vocab: [token: string, id: number][] = [];
  const added: JsonObject[] = [];
  for (const [id, content] of tokens.entries()) {
    const type = types?.[id];
    // Converters fill the vocabulary up to the size of the embedding with tokens that do not exist.
    if (type === UNUSED) continue;
    vocab.push([content, id]);
    if (type !== CONTROL && type !== USER_DEFINED) continue;
    const special = type === CONTROL;
    added.push({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special });
  }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: splitter.normalizer,
    pre_tokenizer: splitter.preTokenizer,
    post_processor: { ...BYTES, use_regex: false },
    decoder: { ...BYTES, use_regex: false },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: splitter.ignoreMerges ?? false,
      vocab: Object.fromEntries(vocab),
      merges: metadata.texts('tokenizer.ggml.merges').map((merge) => mergePair(merge, metadata.path)),
    },
  };
}

/** The `tokenizer_config.json` object. */
export function ggufTokenizerConfig(metadata: GgufMetadata): JsonObject {
  const tokens = metadata.texts('tokenizer.ggml.tokens');
  const named = (name: string): string | undefined => {
    const id = metadata.maybeNumber(`tokenizer.ggml.${name}_token_id`);
    return id === undefined ? undefined : tokens[id];
  };
  const [bos, eos, unk, pad] = [named('bos'), named('eos'), named('unknown'), named('padding')];
  const template = metadata.maybeText('tokenizer.chat_template');
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    add_bos_token: metadata.maybeFlag('tokenizer.ggml.add_bos_token') ?? false,
    clean_up_tokenization_spaces: false,
    ...(bos === undefined ? {} : { bos_token: bos }),
    ...(eos === undefined ? {} : { eos_token: eos }),
    ...(unk === undefined ? {} : { unk_token: unk }),
    ...(pad === undefined ? {} : { pad_token: pad }),
    ...(template === undefined ? {} : { chat_template: template }),
  };
}
