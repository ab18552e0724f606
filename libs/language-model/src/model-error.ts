// A model, adapter or tokenizer that cannot be used, said in one line.

/** Names the file, what was expected, and what to do. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
}
