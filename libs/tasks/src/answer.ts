// Reads the final answer of a solution: the last complete \boxed{…}, as an integer in canonical form.

const BOX = '\\boxed{';

/**
 * The final answer of a solution in canonical form, or undefined where none can be read.
 *
 * The last `\boxed{…}` whose braces balance counts. Its content must be an integer: spaces around it, dollar signs,
 * a leading sign, thousands separators ("1,234", LaTeX "1{,}234" and "1\,234") and a fraction of zeros ("14.0")
 * are accepted.
 */
export function readAnswer(text: string): string | undefined {
  for (
    let start = text.lastIndexOf(BOX);
    start >= 0;
    start = start > 0 ? text.lastIndexOf(BOX, start - 1) : -1
  ) {
    const content = readBalanced(text, start + BOX.length);
    if (content !== undefined) return canonicalInteger(content);
  }
  return undefined;
}

/** The text from `start` up to the brace that closes the one before `start`, or undefined when none does. */
function readBalanced(text: string, start: number): string | undefined {
  let depth = 1;
  for (let i = start; i < text.length; i++) {
    const character = text[i];
    if (character === '{') depth++;
    else if (character === '}' && --depth === 0) return text.slice(start, i);
  }
  return undefined;
}

/**
 * An integer in canonical form ("1,234.0" becomes "1234", "−07" becomes "-7", "-0" becomes "0"), or undefined when
 * the text is not an integer. Digits are kept as text, so that no size of integer loses precision.
 */
export function canonicalInteger(text: string): string | undefined {
  const plain = text
    .trim()
    .replace(/^\\?\$|\\?\$$/g, '')
    .replace(/\{,\}|\\,/g, ',')
    .replaceAll('\\!', '')
    .replace(/\u2212/g, '-')
    .trim();
  const match = /^([+-]?)\s*(\d+|\d{1,3}(?:,\d{3})+)(?:\.0*)?$/.exec(plain);
  if (!match) return undefined;
  const digits = (match[2] ?? '').replaceAll(',', '').replace(/^0+(?=\d)/, '');
  return match[1] === '-' && digits !== '0' ? `-${digits}` : digits;
}
