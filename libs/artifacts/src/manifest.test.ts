import fc from 'fast-check';
import { isAbsolute, normalize, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { readManifest, writeManifest } from './manifest.ts';
import { sha256Hex } from './hash-key.ts';

const sha256 = sha256Hex('x');
const manifest = (paths: readonly string[]): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({ files: paths.map((path) => ({ path, sha256, size: 1 })), version: 1 }),
  );

it('takes no path that leaves the folder, on any system, whatever it is made of', () => {
  const part = fc.oneof(
    fc.constantFrom('..', '.', '', '...', 'a', 'b', '\\', '..\\', 'C:', '\0', '~', ' ', 'é'),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
  const root = resolve('/somewhere/deep');
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 4 }), (paths) => {
      let taken: string[];
      try {
        taken = readManifest(manifest(paths), 'it').map((file) => file.path);
      } catch (error) {
        expect(String(error)).toMatch(/^Error: it/);
        return;
      }
      expect(new Set(taken).size).toBe(taken.length);
      for (const one of taken) {
        const inside = relative(root, resolve(root, one));
        expect(/^(?:\.\.(?:\/.*)?)?$/s.test(inside) || isAbsolute(inside)).toBe(false);
        expect(normalize(one)).toBe(one);
        expect(/[\0\\]|^[A-Za-z]:/.test(one)).toBe(false);
        // None is the folder that another lies in.
        expect(taken.some((other) => other.startsWith(`${one}/`))).toBe(false);
      }
    }),
    { numRuns: 2000 },
  );
});

it.each([
  ['../x', /would leave the folder/],
  ['/etc/passwd', /would leave the folder/],
  ['a/./b', /would leave the folder/],
  ['a/..', /would leave the folder/],
  ['a\\b', /would leave the folder/],
  ['C:/x', /begins with a drive/],
  ['a\0b', /characters that are none of a file name/],
  ['a\nb', /characters that are none of a file name/],
  ['\ud800', /characters that are none of a file name/],
  ['é'.repeat(128), /a part longer than 255 bytes/],
  [Array.from({ length: 400 }, () => 'abc').join('/'), /longer than 1024 bytes/],
])('refuses %j', (path, reason) => {
  expect(() => readManifest(manifest([path]), 'it')).toThrow(reason);
  expect(() => writeManifest([{ path, sha256, size: 1 }], 'it')).toThrow(reason);
});

it('refuses paths that come into each other’s way, and files that are none', () => {
  expect(() => readManifest(manifest(['a', 'b', 'a']), 'it')).toThrow('has the path "a" twice');
  expect(() => readManifest(manifest(['a/b/c', 'a']), 'it')).toThrow('"a" is a file and a folder at once');
  expect(() => readManifest(manifest([]), 'it')).toThrow('has no files');
  for (const wrong of [{ sha256: '../x' }, { size: -1 }, { size: 0.5 }, { size: 1e300 }]) {
    const files = [{ path: 'a', sha256, size: 1, ...wrong }];
    const bytes = new TextEncoder().encode(JSON.stringify({ files, version: 1 }));
    expect(() => readManifest(bytes, 'it')).toThrow(/sha256 or size of "a"/);
  }
});
