// The miniature's tokenizer: digits, symbols and whole words, in the files of a Hugging Face tokenizer. A word-level model
// over a split on the vocabulary itself: every token is literal text, and decoding joins them as they are.
import { PLAN, OPENING_PHRASES } from './wording.ts';

/** The special tokens. */
export const SPECIAL_TOKENS = {
  pad: '<|pad|>',
  unknown: '<|unk|>',
  user: '<|user|>',
  assistant: '<|assistant|>',
  end: '<|end|>',
} as const;

const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
const SYMBOLS = [' + ', ' - ', ' = ', '\n', '\\boxed{', '}', ', ', ' ', '+', '-', '=', ',', '.', ':', '?'];
const WORDS = [
  ...(PLAN.match(/^\S+| \S+/g) ?? []),
  'check ',
  'ups ',
  'downs ',
  ...OPENING_PHRASES,
  'Which',
  ' is',
  ' better',
  'First:',
  'Second:',
  'Judgment: ',
];

/** The vocabulary in the order of the token ids. */
export const VOCABULARY: readonly string[] = [
  ...Object.values(SPECIAL_TOKENS),
  ...DIGITS,
  ...SYMBOLS,
  ...WORDS,
];

/** The split: any token but the special ones, the longest first. Only syntax characters are escaped, as JavaScript wants. */
const SPLIT_PATTERN = [...DIGITS, ...SYMBOLS, ...WORDS]
  .sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
  .map((token) => token.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  .join('|');

const TOKEN = new RegExp(`${SPLIT_PATTERN}|[^]`, 'gu');

/** Number of tokens of a text without special tokens; a character that no token covers counts as one. */
export function countTokens(text: string): number {
  return text.match(TOKEN)?.length ?? 0;
}

const CHAT_TEMPLATE = [
  `{% for message in messages %}`,
  `{% if message['role'] == 'user' %}{{ '${SPECIAL_TOKENS.user}' + message['content'] }}`,
  `{% elif message['role'] == 'assistant' %}{{ '${SPECIAL_TOKENS.assistant}' + message['content'] + '${SPECIAL_TOKENS.end}' }}`,
  `{% else %}{{ raise_exception("the miniature knows the roles user and assistant alone, not " + message['role']) }}`,
  `{% endif %}{% endfor %}`,
  `{% if add_generation_prompt %}{{ '${SPECIAL_TOKENS.assistant}' }}{% endif %}`,
].join('');

/** The contents of `tokenizer.json` and `tokenizer_config.json`, and the ids that a model's configuration needs. */
export function miniatureTokenizer() {
  const addedTokens = Object.values(SPECIAL_TOKENS).map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return {
    vocabularySize: VOCABULARY.length,
    padId: VOCABULARY.indexOf(SPECIAL_TOKENS.pad),
    endId: VOCABULARY.indexOf(SPECIAL_TOKENS.end),
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens,
      normalizer: null,
      pre_tokenizer: {
        type: 'Split',
        pattern: { Regex: SPLIT_PATTERN },
        behavior: 'Isolated',
        invert: false,
      },
      post_processor: null,
      decoder: { type: 'Fuse' },
      model: {
        type: 'WordLevel',
        vocab: Object.fromEntries(VOCABULARY.map((token, id) => [token, id])),
        unk_token: SPECIAL_TOKENS.unknown,
      },
    },
    tokenizerConfig: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      added_tokens_decoder: Object.fromEntries(addedTokens.map(({ id, ...token }) => [String(id), token])),
      bos_token: null,
      eos_token: SPECIAL_TOKENS.end,
      pad_token: SPECIAL_TOKENS.pad,
      unk_token: SPECIAL_TOKENS.unknown,
      clean_up_tokenization_spaces: false,
      model_max_length: 512,
      chat_template: CHAT_TEMPLATE,
    },
  };
}
