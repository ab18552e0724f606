// A panel: several judges' verdicts as one. Each verdict's log-odds count by the judge's reliability r, and those of different
// judges on the same two texts add up, as the evidence of independent witnesses does:
//   P(a is better) = σ(Σ_k r_k · logit p_k).
// A panel of one judge of reliability 1 is that judge.
import type { PairVerdict, PanelVerdicts } from '@overtone/contracts';
import type { Group } from './group.ts';
import { InvalidInput } from './invalid-input.ts';
import { checkVerdicts, type Preferences, preferencesOf } from './preferences.ts';

/** Most judges in a panel. */
export const maxJudges = 64;

/** A verdict is never taken to be surer than this: log-odds stay finite, and a judge's reliability says what its certainty is worth. */
const surest = 0.999;

/**
 * Log-odds of a preference that lies `advantage` above one half; as far from zero as a verdict may be sure.
 * @param advantage preference minus one half, in [−½, ½]
 */
export function logOddsOf(advantage: number): number {
  const bounded = Math.max(0.5 - surest, Math.min(surest - 0.5, advantage));
  return 2 * Math.atanh(2 * bounded);
}

/**
 * Checks a panel: judges with names of their own, finite reliabilities, and verdicts that make sense.
 * @throws InvalidInput naming the field that is wrong
 */
export function checkPanel(group: Group, panel: readonly PanelVerdicts[]): void {
  if (panel.length > maxJudges)
    throw new InvalidInput('panel', `has ${panel.length} judges; expected at most ${maxJudges}`);
  const names = new Set<string>();
  panel.forEach(({ judge, reliability, verdicts }, position) => {
    const field = `panel[${position}]`;
    if (judge === '') throw new InvalidInput(`${field}.judge`, 'is empty; expected a name');
    if (names.has(judge)) {
      throw new InvalidInput(`${field}.judge`, `is "${judge}" again; expected every judge once`);
    }
    names.add(judge);
    if (!Number.isFinite(reliability)) {
      throw new InvalidInput(
        `${field}.reliability`,
        `is ${reliability}; expected a finite factor, such as 1 for a judge taken at its word`,
      );
    }
    checkVerdicts(group, verdicts, `${field}.verdicts`);
  });
}

/** What a checked panel prefers: where no judge that counts has a readable verdict, nothing. */
export function panelPreferences(group: Group, panel: readonly PanelVerdicts[]): Preferences {
  const size = group.texts.length;
  const judges = panel
    .filter(({ reliability }) => reliability !== 0)
    .map(({ reliability, verdicts }) => ({ reliability, preferences: preferencesOf(group, verdicts) }));
  return {
    size,
    advantage(a, b) {
      let logOdds: number | undefined;
      for (const { reliability, preferences } of judges) {
        const advantage = preferences.advantage(a, b);
        if (advantage !== undefined) logOdds = (logOdds ?? 0) + reliability * logOddsOf(advantage);
      }
      // σ(x) − ½, in a form that only changes its sign when a and b are swapped.
      return logOdds === undefined ? undefined : Math.tanh(logOdds / 2) / 2;
    },
  };
}

/** All verdicts of a panel: which pairs were asked, whoever was. */
export function verdictsOfPanel(panel: readonly PanelVerdicts[]): PairVerdict[] {
  return panel.flatMap(({ verdicts }) => verdicts);
}
