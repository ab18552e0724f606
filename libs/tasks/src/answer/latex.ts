// The plain text of a short piece of LaTeX or Markdown, as far as final answers use them.

/** Stands for a thin or no-break space, which may separate thousands; an ordinary space may not. */
export const THIN = '\u0001';
/** Stands for any sign of a currency. */
export const CURRENCY = '¤';

const LETTER_COMMANDS =
  /\\(?:text|mathrm|textbf|mathbf|textrm|textit|mathit|textsf|mathsf|mbox|operatorname|boldsymbol|bm|emph|underline|displaystyle|textstyle|left|right|[bB]igg?[lr]?)(?![A-Za-z])\*?/g;

const VULGAR_FRACTIONS: Record<string, string> = {
  '½': '1/2',
  '⅓': '1/3',
  '⅔': '2/3',
  '¼': '1/4',
  '¾': '3/4',
  '⅕': '1/5',
  '⅖': '2/5',
  '⅗': '3/5',
  '⅘': '4/5',
  '⅙': '1/6',
  '⅚': '5/6',
  '⅛': '1/8',
  '⅜': '3/8',
  '⅝': '5/8',
  '⅞': '7/8',
};

/**
 * Takes the mark-up off: delimiters of mathematics, font commands, spacing; `\frac{a}{b}` becomes " a/b ", `10^{3}`
 * "10^3", thin spaces `THIN`, signs of currency `CURRENCY`. Braces that remain become blanks, never nothing, so that
 * what stood apart stays apart. Undefined where a command remains that is none of these.
 */
export function plainText(text: string): string | undefined {
  const plain = text
    .replace(/[\u2212\u2013\u2010\u2011\uFE63\uFF0D]/g, '-')
    .replaceAll('{,}', ',')
    .replaceAll('\\!', '')
    .replace(/\\[,;:> ]|[\u00a0\u2006\u2007\u2009\u202f]|~/g, THIN)
    .replace(/\s+/g, ' ')
    .replace(/\\q?quad(?![A-Za-z])|\\[()[\]]/g, ' ')
    .replace(/\\\$|\\(?:pounds|euro|texteuro|textdollar)(?![A-Za-z])|[€£¥₹¢]/g, CURRENCY)
    .replaceAll('\\%', '%')
    .replace(/\\(?:times|cdot|ast)(?![A-Za-z])/g, '×')
    .replace(/\^ ?\{? ?\\circ ?\}?|\\degree(?![A-Za-z])/g, '°')
    .replace(/\\(?:approx|sim|simeq)(?![A-Za-z])/g, '≈')
    .replace(LETTER_COMMANDS, '')
    .replace(/\\[dtc]?frac ?\{([^{}]*)\} ?\{([^{}]*)\}/g, (_, over: string, under: string) =>
      // A sum above or below the bar is not what "a/b" says.
      /^ ?-?[\d.,]+ ?$/.test(over) && /^ ?[\d.,]+ ?$/.test(under) ? ` ${over}/${under} ` : ' \\frac ',
    )
    .replace(/\\[dtc]?frac ?(\d) ?(\d)/g, ' $1/$2 ')
    .replace(/\^ ?\{ ?([+-]?\d+) ?\}/g, '^$1')
    .replace(/[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]/g, (sign) => ` ${VULGAR_FRACTIONS[sign] ?? sign} `)
    .replace(/[{}]|\*\*|__|`/g, ' ')
    .replace(/ {2,}/g, ' ');
  if (plain.includes('\\')) return undefined;
  // Pairs of dollar signs delimit mathematics; a single one is money.
  return plain.replaceAll('$', plain.split('$').length % 2 === 1 ? ' ' : CURRENCY);
}
