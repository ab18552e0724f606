// Keys: the hash of a JSON value that does not depend on the order in which its objects were built.
import { createHash } from 'node:crypto';

/** A JSON value; properties that are undefined count as absent. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [property: string]: Json | undefined };

/** Lower-case hexadecimal SHA-256 of the value's canonical JSON. */
export function hashKey(value: Json): string {
  return sha256Hex(canonicalJson(value));
}

/** Lower-case hexadecimal SHA-256 of bytes or of a text's UTF-8. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * JSON without white space and with sorted properties (by UTF-16 code units, as in RFC 8785, whose number format is that of
 * JSON.stringify). Throws, naming the place, for what JSON would change silently: NaN, infinities, undefined in an array.
 */
export function canonicalJson(value: Json): string {
  return write(value, '$');
}

function write(value: Json | undefined, place: string): string {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new TypeError(`${place} is ${value}, which JSON cannot hold: a key needs finite numbers`);
  }
  if (
    value === null ||
    typeof value === 'boolean' ||
    typeof value === 'number' ||
    typeof value === 'string'
  ) {
    return JSON.stringify(value);
  }
  if (isList(value)) return `[${value.map((item, index) => write(item, `${place}[${index}]`)).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`${place} is ${typeof value}, which is no JSON value`);
  const parts: string[] = [];
  for (const name of Object.keys(value).sort()) {
    const item = value[name];
    if (item !== undefined) parts.push(`${JSON.stringify(name)}:${write(item, `${place}.${name}`)}`);
  }
  return `{${parts.join(',')}}`;
}

// Array.isArray does not narrow a readonly array out of a union.
function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
