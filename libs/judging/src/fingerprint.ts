// A judge's fingerprint: a hash of everything that determines its verdicts.
import { createHash } from 'node:crypto';

/** Lower-case hexadecimal SHA-256 over named parts; the order in which they are named plays no part. */
export function fingerprint(parts: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(parts).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
}
