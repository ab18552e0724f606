// The table of a run's arms as it fills: means over the seeds that have been measured, with intervals as soon as there is a report.
import { escapeHtml, formatShare, type Report } from '@overtone/report';
import type { FollowedRun } from './run-follower.ts';

interface Row {
  readonly arm: string;
  readonly development: number | undefined;
  readonly easy: number | undefined;
  readonly hard: number | undefined;
  readonly ci95: readonly [number, number] | undefined;
  /** Whether the difference from the base is as sure as 95 %; not known before there is a report. */
  readonly sure: boolean;
  /** "2 of 5" */
  readonly seeds: string;
}

/** The table. */
export function armsTable(run: FollowedRun): string {
  const { report } = run.record;
  const rows = report === undefined ? measuredRows(run) : reportedRows(report);
  if (rows.length === 0) return '<p>Nothing has been measured yet.</p>';
  const base = rows.find(({ arm }) => arm === 'base')?.hard;
  const developed = rows.some(({ development }) => development !== undefined);
  const cells = rows.map(({ arm, development, easy, hard, ci95, sure, seeds }) => {
    const gain = arm === 'base' || hard === undefined || base === undefined ? undefined : hard - base;
    const interval =
      ci95 === undefined ? '' : ` <small>[${formatShare(ci95[0])}, ${formatShare(ci95[1])}]</small>`;
    return `<tr><th scope="row">${escapeHtml(arm)}</th><td>${share(hard)}${interval}</td><td class="${gain === undefined || !sure ? '' : gain > 0 ? 'better' : 'worse'}">${gain === undefined ? '' : `${gain < 0 ? '−' : '+'}${formatShare(Math.abs(gain))}`}</td><td>${share(easy)}</td>${developed ? `<td>${share(development)}</td>` : ''}<td>${seeds}</td></tr>`;
  });
  return `<table><thead><tr><th scope="col">arm</th><th scope="col">hard</th><th scope="col">− base</th><th scope="col">easy</th>${developed ? '<th scope="col">development</th>' : ''}<th scope="col">seeds</th></tr></thead><tbody>${cells.join('')}</tbody></table>`;
}

const share = (value: number | undefined): string => (value === undefined ? '' : formatShare(value));

function reportedRows({ arms }: Report): Row[] {
  return arms.map(({ name, eval: { easy, hard }, perSeed, seeds, against }) => ({
    arm: name,
    development: mean(perSeed.flatMap(({ development }) => development ?? [])),
    easy: easy.avg,
    hard: hard.avg,
    ci95: hard.ci95,
    sure: excludesZero(against['base']?.hard.ci95),
    seeds: seeds.length === 0 ? '' : String(seeds.length),
  }));
}

const excludesZero = (interval: readonly [number, number] | undefined): boolean =>
  interval !== undefined && interval[0] * interval[1] > 0;

function measuredRows({ record, measured }: FollowedRun): Row[] {
  const { arms, seeds } = plannedArms(record.configuration);
  const names = [...new Set(['base', ...arms, ...measured.map(({ arm }) => arm)])];
  return names.map((arm) => {
    const own = measured.filter((each) => each.arm === arm);
    const lastRound = Math.max(1, ...own.map(({ round }) => round));
    const of = (split: 'easy' | 'hard') =>
      own.filter((each) => each.split === split && each.round === lastRound).map(({ accuracy }) => accuracy);
    // Of the steps that were measured, the best one is taken.
    const best = new Map<string, number>();
    for (const { split, seed, round, accuracy } of own)
      if (split === 'development' && round === lastRound)
        best.set(String(seed), Math.max(best.get(String(seed)) ?? 0, accuracy));
    const done = of('hard').length;
    return {
      arm,
      development: mean([...best.values()]),
      easy: mean(of('easy')),
      hard: mean(of('hard')),
      ci95: undefined,
      sure: false,
      seeds: arm === 'base' ? '' : `${done} of ${seeds}`,
    };
  });
}

const mean = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;

/** Names of the arms and number of seeds of a configuration, as far as it can be read. */
function plannedArms(configuration: unknown): { arms: string[]; seeds: number } {
  if (typeof configuration !== 'object' || configuration === null) return { arms: [], seeds: 0 };
  const arms = 'arms' in configuration && Array.isArray(configuration.arms) ? configuration.arms : [];
  return {
    arms: arms.flatMap((arm: unknown) =>
      typeof arm === 'object' && arm !== null && 'name' in arm && typeof arm.name === 'string'
        ? [arm.name]
        : [],
    ),
    seeds: 'seeds' in configuration && Array.isArray(configuration.seeds) ? configuration.seeds.length : 0,
  };
}
