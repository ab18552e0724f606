// Reading values of a JSON configuration: each reader checks, and names the file and the key in its error.
import { readFile } from 'node:fs/promises';
import { ModelError } from './model-error.ts';

/** A JSON object whose values have not been looked at. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A positive integer; `null` counts as absent. Throws a ModelError when it is something else, or absent without a fallback. */
export function positiveInteger(config: JsonObject, key: string, path: string, fallback?: number): number {
  const value = config[key] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
    throw new ModelError(`${path}: ${key} must be a positive integer, got ${JSON.stringify(config[key])}`);
  }
  return value;
}

/** A positive number; `null` counts as absent. Throws a ModelError when it is something else, or absent without a fallback. */
export function positiveNumber(config: JsonObject, key: string, path: string, fallback?: number): number {
  const value = config[key] ?? fallback;
  if (typeof value !== 'number' || !(value > 0)) {
    throw new ModelError(`${path}: ${key} must be a positive number, got ${JSON.stringify(config[key])}`);
  }
  return value;
}

/** A boolean; `null` counts as absent. Throws a ModelError when it is something else. */
export function flag(config: JsonObject, key: string, path: string, fallback: boolean): boolean {
  const value = config[key] ?? fallback;
  if (typeof value !== 'boolean')
    throw new ModelError(`${path}: ${key} must be true or false, got ${JSON.stringify(value)}`);
  return value;
}

/** Reads a JSON file. Throws a ModelError that names the file and what to do. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ModelError(
      `${path}: cannot be read; a model folder holds config.json, tokenizer.json, tokenizer_config.json and *.safetensors`,
      { cause },
    );
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ModelError(`${path}: is not JSON`, { cause });
  }
}
