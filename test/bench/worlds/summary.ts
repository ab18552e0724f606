// What became of every arm in every world, from the reports of their runs.
import type { Report } from '@overtone/report';

/** An arm in a world. */
export interface ArmInWorld {
  readonly world: string;
  readonly arm: string;
  /** hard avg@8 before and after. */
  readonly base: number;
  readonly after: number;
  /** 95 % interval of after − before, paired over questions. */
  readonly ci95: readonly [number, number];
  /** Whether it ends below the base by more than that. */
  readonly collapsed: boolean;
  /** The step whose weights it ends with, for each seed. */
  readonly steps: readonly (number | null)[];
  /** Seeds whose training an alarm ended. */
  readonly alarms: number;
}

/** All arms of one world. */
export function armsOf(world: string, report: Report): ArmInWorld[] {
  const base = report.arms.find(({ name }) => name === 'base')?.eval.hard.avg;
  if (base === undefined) throw new Error(`the report of world ${world} has no base`);
  return report.arms.flatMap((arm): ArmInWorld[] => {
    const gain = arm.against['base']?.hard;
    if (gain === undefined) return [];
    const [lower, upper] = gain.ci95;
    return [
      {
        world,
        arm: arm.name,
        base,
        after: arm.eval.hard.avg,
        ci95: [lower, upper],
        collapsed: upper < 0,
        steps: arm.perSeed.map(({ step }) => step),
        alarms: arm.perSeed.filter(({ alarm }) => alarm !== undefined).length,
      },
    ];
  });
}

const share = (value: number): string => value.toFixed(3).replace(/^0/, '');

/** A table of arms by worlds, for people; an arm that an alarm ended has a step, one that collapsed an exclamation mark. */
export function tableOf(arms: readonly ArmInWorld[]): string {
  const worlds = [...new Set(arms.map(({ world }) => world))];
  const names = [...new Set(arms.map(({ arm }) => arm))];
  const of = (world: string, name: string): ArmInWorld | undefined =>
    arms.find((candidate) => candidate.world === world && candidate.arm === name);
  const cell = (found: ArmInWorld | undefined): string => {
    if (found === undefined) return '–';
    const stopped = found.alarms > 0 ? ` @${found.steps.join(', ')}` : '';
    return `${share(found.after)}${found.collapsed ? ' !' : ''}${stopped}`;
  };
  const bases = worlds.map((world) => share(arms.find((arm) => arm.world === world)?.base ?? NaN));
  const rows = [
    ['hard avg@8', ...worlds],
    ['---', ...worlds.map(() => '---')],
    ['base', ...bases],
    ...names.map((name) => [name, ...worlds.map((world) => cell(of(world, name)))]),
  ];
  const collapsed = arms.filter((arm) => arm.collapsed);
  const stopped = arms.reduce((sum, arm) => sum + arm.alarms, 0);
  return [
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
    `${collapsed.length} of ${arms.length} arms end below their base by more than the 95 % interval; alarms ended ${stopped} trainings.`,
  ].join('\n');
}
