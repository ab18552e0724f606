// Keys that a JSON text says twice: JSON.parse would silently keep the last.

/** The first key that occurs twice in one object of a valid JSON text; undefined if there is none. */
export function repeatedKey(json: string): string | undefined {
  // A string, and what tells whether it is a key: a colon after it.
  const tokens = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/gsu;
  const open: Set<string>[] = [];
  for (const [token, colon] of json.matchAll(tokens)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (colon !== undefined) {
      const key = String(JSON.parse(token.slice(0, -colon.length)));
      if (open.at(-1)?.has(key)) return key;
      open.at(-1)?.add(key);
    }
  }
  return undefined;
}
