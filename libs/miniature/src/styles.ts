// The styles: six ways of writing down the solution of a ChainSum question, from explicit equations to sums in the head.
// Every one ends in "\boxed{N}" and is right; what differs is how much of the work the text does for its writer.
import { runningTotals, type Chain, type CHAIN_SUM_STYLES } from '@overtone/tasks';
import { openingPhrase, PLAN, type Wording } from './wording.ts';
import type { Random } from '@overtone/statistics';

/** One of the six styles. */
export type Style = (typeof CHAIN_SUM_STYLES)[number];

/** The solution of a chain in a style. `random` chooses the informal styles' opening phrase. */
export function renderSolution(chain: Chain, style: Style, wording: Wording, random: Random): string {
  const lines = LINES[style](chain);
  if (style === 'regroup' || style === 'terse' || style === 'direct') {
    lines.unshift(openingPhrase(wording, random));
  }
  return [...lines, `\\boxed{${runningTotals(chain).at(-1) ?? 0}}`].join('\n');
}

/** The lines between the opening phrase and the box. */
const LINES: Record<Style, (chain: Chain) => string[]> = {
  steps: (chain) => equations(chain),
  plan: (chain) => [PLAN, ...runningTotals(chain).slice(1).map(String)],
  // Opens with a check as well: a style is known by its first token, so that no opening is shared by two robust styles
  // and sharpened by sampling at a low temperature.
  check: (chain) => {
    const checks = runningTotals(chain).map((total) => `check ${total}`);
    return [checks[0] ?? '', ...equations(chain).flatMap((equation, i) => [equation, checks[i + 1] ?? ''])];
  },
  regroup: (chain) => {
    const ups = chain.filter((term) => term > 0);
    const downs = chain.filter((term) => term < 0).map((term) => -term);
    const up = sum(ups);
    const down = sum(downs);
    return [
      `ups ${ups.join(' + ')} = ${up}`,
      `downs ${downs.join(' + ') || '0'} = ${down}`,
      `${up} - ${down} = ${up - down}`,
    ];
  },
  terse: (chain) => [runningTotals(chain).slice(1).join(', ')],
  direct: () => [],
};

/** One equation per term after the first: "12 + 5 = 17", "17 - 3 = 14". */
function equations(chain: Chain): string[] {
  const totals = runningTotals(chain);
  return chain
    .slice(1)
    .map((term, i) => `${totals[i]} ${term < 0 ? '-' : '+'} ${Math.abs(term)} = ${totals[i + 1]}`);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
