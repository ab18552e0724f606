// What is used of @huggingface/tokenizers. The package ships type declarations, but they import one another without file
// extensions, which Node's module resolution does not find: every type of theirs would silently be an error type.
declare module '@huggingface/tokenizers' {
  /** A text in tokens. */
  export interface Encoding {
    ids: number[];
    tokens: string[];
    attention_mask: number[];
  }

  /** Encodes and decodes as the files of a Hugging Face tokenizer say. */
  export class Tokenizer {
    /** Takes the contents of `tokenizer.json` and of `tokenizer_config.json`. */
    constructor(tokenizer: object, config: object);
    encode(text: string, options?: { add_special_tokens?: boolean }): Encoding;
    decode(
      ids: number[],
      options?: { skip_special_tokens?: boolean; clean_up_tokenization_spaces?: boolean | null },
    ): string;
    token_to_id(token: string): number | undefined;
    id_to_token(id: number): string | undefined;
    /** Ids by token, with or without the added tokens. */
    get_vocab(with_added_tokens?: boolean): Map<string, number>;
  }
}
