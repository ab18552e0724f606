// The keys that a server is addressed with: the one there is, those that there were, and none of them in anything that is passed on.

import { keepSecret } from '@overtone/telemetry';

/** A shorter text may be a word of an answer; in errors every key is taken out, however short. */
const SHORTEST_IN_ANSWERS = 8;

/** The keys of one server. */
export class ApiKeys {
  readonly #keys: string[];
  readonly #reread: (() => string) | undefined;

  /** @param reread Reads the key again when the server refuses the one there is. */
  constructor(key: string, reread: (() => string) | undefined) {
    this.#keys = [key];
    keepSecret(key);
    this.#reread = reread;
  }

  /** The key to send; "" where there is none. */
  get current(): string {
    return this.#keys.at(-1) ?? '';
  }

  /** Whether there is another key than the one that was refused. */
  renewed(refused: string): boolean {
    if (this.current !== refused) return true;
    if (this.#reread === undefined) return false;
    let read: string;
    try {
      read = this.#reread();
    } catch {
      // The file is gone, or half-written: the server's refusal says what is to be done.
      return false;
    }
    // A key that was refused before is not tried again: every try has a new one.
    if (read === '' || this.#keys.includes(read)) return false;
    this.#keys.push(read);
    keepSecret(read);
    return true;
  }

  /** A text without any of the keys, as they are, in a URL, or in base64. */
  withoutKeys(text: string): string {
    return without(this.#forms(1), text);
  }

  /** A JSON value without any of the keys: a server may repeat in an answer what it was sent. */
  withoutKeysIn(value: unknown): unknown {
    const forms = this.#forms(SHORTEST_IN_ANSWERS);
    return forms.length === 0 ? value : replaced(value, forms);
  }

  #forms(shortest: number): string[] {
    return this.#keys
      .filter((key) => key.length >= shortest)
      .flatMap((key) => [key, encodeURIComponent(key), Buffer.from(key).toString('base64')]);
  }
}

function without(forms: readonly string[], text: string): string {
  return forms.reduce((safe, form) => safe.replaceAll(form, '(the key)'), text);
}

function replaced(value: unknown, forms: readonly string[]): unknown {
  if (typeof value === 'string') return without(forms, value);
  if (Array.isArray(value)) return value.map((item: unknown) => replaced(item, forms));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => [without(forms, name), replaced(item, forms)]);
  return Object.fromEntries(entries);
}
