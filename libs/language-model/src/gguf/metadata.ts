// Typed access to a GGUF file's metadata.
import { ModelError } from '../model-error.ts';
import { type GgufValue } from './header.ts';

/** Reads values of the metadata. Each reader throws a ModelError that names the file and the key. */
export class GgufMetadata {
  readonly path: string;
  readonly #values: ReadonlyMap<string, GgufValue>;

  constructor(path: string, values: ReadonlyMap<string, GgufValue>) {
    this.path = path;
    this.#values = values;
  }

  #required<T>(key: string, value: T | undefined): T {
    if (value === undefined) throw new ModelError(`${this.path}: its metadata has no ${key}`);
    return value;
  }

  maybeNumber(key: string): number | undefined {
    const value = this.#values.get(key);
    if (value === undefined || typeof value === 'number') return value;
    // Some files say a number for each layer.
    if (Array.isArray(value) && value.length > 0 && new Set(value).size === 1 && typeof value[0] === 'number')
      return value[0];
    throw new ModelError(`${this.path}: ${key} must be one number`);
  }

  number(key: string): number {
    return this.#required(key, this.maybeNumber(key));
  }

  maybeText(key: string): string | undefined {
    const value = this.#values.get(key);
    if (value === undefined || typeof value === 'string') return value;
    throw new ModelError(`${this.path}: ${key} must be a string`);
  }

  text(key: string): string {
    return this.#required(key, this.maybeText(key));
  }

  maybeFlag(key: string): boolean | undefined {
    const value = this.#values.get(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw new ModelError(`${this.path}: ${key} must be true or false`);
  }

  texts(key: string): readonly string[] {
    const value = this.#required(key, this.#values.get(key));
    const isTexts = (list: GgufValue): list is readonly string[] =>
      Array.isArray(list) && list.every((item) => typeof item === 'string');
    if (isTexts(value)) return value;
    throw new ModelError(`${this.path}: ${key} must be a list of strings`);
  }

  maybeNumbers(key: string): readonly number[] | undefined {
    const value = this.#values.get(key);
    const isNumbers = (list: GgufValue): list is readonly number[] =>
      Array.isArray(list) && list.every((item) => typeof item === 'number');
    if (value === undefined || isNumbers(value)) return value;
    throw new ModelError(`${this.path}: ${key} must be a list of numbers`);
  }
}
