// A tokenizer.json in the words that @huggingface/tokenizers reads as the original implementation does.
import { isJsonObject, type JsonObject } from './config-values.ts';

/**
 * The original's pre-tokenizer Digits splits at every numeric character, such as ½ and Ⅳ; the library's only at decimal digits. A
 * split by the regular expression of numeric characters is the same to both.
 */
function splitNumbers(preTokenizer: unknown): unknown {
  if (!isJsonObject(preTokenizer)) return preTokenizer;
  const { type, pretokenizers, individual_digits: individual } = preTokenizer;
  if (type === 'Sequence' && Array.isArray(pretokenizers))
    return { ...preTokenizer, pretokenizers: pretokenizers.map(splitNumbers) };
  if (type !== 'Digits') return preTokenizer;
  const pattern = { Regex: individual === true ? '\\p{N}' : '\\p{N}+' };
  return { type: 'Split', pattern, behavior: 'Isolated', invert: false };
}

/** Replaces what the library does otherwise than the original. */
export function adaptTokenizer(tokenizer: JsonObject): JsonObject {
  return { ...tokenizer, pre_tokenizer: splitNumbers(tokenizer['pre_tokenizer']) };
}
