// Quality against calls, for every comparison plan: on simulated judges whose truth is known, or on real verdicts.
//   npm run bench:plans                                  # all simulated judges, 8 and 32 solutions; --draw tuning: on the
//     groups that the plans were tuned on, not on others
//   npm run bench:plans -- --verdicts FOLDER --judge self # a run's verdicts, held against those of all pairs; or, with
//     --truth rubric, against another judge's; FOLDER may be a JSONL of groups' complete verdicts
import { parseArgs } from 'node:util';
import { type PlanName, type Point, curve, plans, simulate } from './curves.ts';
import { against, goalShares } from './goal.ts';
import { judges } from './judges.ts';
import { type JudgedGroup, play } from './play.ts';
import { readVerdicts } from './real-verdicts.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '8,32' },
    groups: { type: 'string', default: '400' },
    /** Which groups to simulate: those that the plans were tuned on (`tuning`), or others. */
    draw: { type: 'string', default: 'evaluation' },
    judge: { type: 'string' },
    truth: { type: 'string' },
    verdicts: { type: 'string', multiple: true },
  },
});
const names: PlanName[] = ['all-pairs', 'swiss', 'sorting', 'active'];
const allShares = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 1];

if (values.verdicts === undefined) simulated();
else for (const path of values.verdicts) real(path);

function simulated(): void {
  const { draw } = values;
  if (draw !== 'tuning' && draw !== 'evaluation')
    throw new Error(`--draw ${draw}: expected tuning or evaluation`);
  const chosen = judges.filter(({ name }) => values.judge === undefined || name.includes(values.judge));
  if (chosen.length === 0)
    throw new Error(
      `--judge ${values.judge}: there is none; there are ${judges.map(({ name }) => `"${name}"`).join(', ')}`,
    );
  for (const size of values.sizes.split(',').map(Number)) {
    const groups = Math.max(1, Math.round(Number(values.groups) * Math.min(1, 8 / size)));
    print(`# ${size} solutions, ${groups} groups, ${(size * (size - 1)) / 2} pairs\n`);
    for (const judge of chosen) {
      table(
        judge.name,
        (plan) => curve(simulate(judge, size, groups, draw), plan, allShares),
        goalShares[size],
      );
    }
  }
  growth();
}

/** How many pairs each plan asks for by itself, and in how many rounds. */
function growth(): void {
  print('# Pairs that a plan asks for by itself (rounds)\n');
  const judge = judges.find(({ name }) => name === 'hard, temperature 0.1') ?? judges[0];
  if (judge === undefined) return;
  const sizes = [4, 8, 16, 32, 64];
  print(line('solutions', sizes.map(String)));
  for (const name of names) {
    const cells = sizes.map((size) => {
      const [group] = simulate(judge, size, 1);
      if (group === undefined) return '';
      const { verdicts, rounds } = play(group, plans[name], 0, 1);
      return `${verdicts.length} (${rounds})`;
    });
    print(line(name, cells));
  }
  print(
    line(
      'n log2 n',
      sizes.map((size) => String(size * Math.log2(size))),
    ),
  );
}

function real(path: string): void {
  const { groups, skipped } = readVerdicts(path, { judge: values.judge, truth: values.truth });
  print(`# ${path}: ${groups.length} groups with all verdicts, ${skipped} others left out\n`);
  const bySize = Map.groupBy(groups, ({ solutions }) => solutions.length);
  for (const [size, alike] of [...bySize].sort(([a], [b]) => a - b)) {
    if (alike.length < 10) continue;
    const whose = values.truth === undefined ? "all pairs'" : `${values.truth}'s`;
    const title = `${size} different solutions, ${alike.length} groups; tau with ${whose} scores`;
    table(title, (plan) => curve(alike satisfies JudgedGroup[], plan, allShares), undefined);
  }
}

function table(title: string, curveOf: (plan: PlanName) => Point[], goal: number | undefined): void {
  print(`## ${title}`);
  print(
    line(
      'share of pairs',
      allShares.map((share) => `${(100 * share).toFixed(1)} %`),
    ),
  );
  const curves = names.map((name) => ({ name, points: curveOf(name) }));
  for (const { name, points } of curves) {
    print(
      line(
        `${name}, tau`,
        points.map(({ tau }) => tau.toFixed(3)),
      ),
    );
    print(
      line(
        '  best, worst %',
        points.map(({ best, worst }) => `${best.toFixed(1)} ${worst.toFixed(1)}`),
      ),
    );
  }
  const all = curves[0]?.points.at(-1);
  const active = curves.find(({ name }) => name === 'active')?.points;
  const at = allShares.findIndex((share) => share === goal);
  const point = active?.[at];
  if (all !== undefined && active !== undefined) {
    if (point !== undefined) {
      const { tau, best, worst, reached } = against(all, point);
      print(
        `active with ${point.pairs} pairs against all: tau ${signed(-tau, 3)}, best ${signed(-best, 1)}, worst ${signed(-worst, 1)} points: ${reached ? 'within' : 'beyond'} the goal`,
      );
    }
    const enough = active.find((candidate) => against(all, candidate).reached);
    if (enough !== undefined)
      print(`active is as good as all pairs from ${enough.pairs.toFixed(1)} pairs on`);
  }
  print('');
}

function line(title: string, cells: readonly string[]): string {
  return title.padEnd(18) + cells.map((cell) => cell.padStart(12)).join('');
}

function signed(value: number, digits: number): string {
  return `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(digits)}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
