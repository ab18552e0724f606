// `npm run bench:distribution`: the demo over five processes and gRPC, and the same pipeline in one process, in turns.
//
//   --rounds 5     how often each takes its turn
//   --full         the demo with one seed instead of its quick form
//   --traced       traces in one process too: without it, telemetry counts as a part of the tax
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Spread, speedups, spreadOf } from '../spread.ts';
import { type Timed, timed } from './timed.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    full: { type: 'boolean', default: false },
    traced: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const quick = values.full ? [] : ['--quick'];
const contestants = {
  'five processes': (out: string) => [
    path('../../../libs/cli/src/main.ts'),
    'demo',
    '--out',
    out,
    ...(values.full ? ['--seeds', '1'] : quick),
  ],
  'one process': (out: string) => [
    path('one-process.ts'),
    out,
    ...quick,
    ...(values.traced ? ['--traced'] : []),
  ],
};
const names = Object.keys(contestants) as (keyof typeof contestants)[];
const folder = await mkdtemp(join(tmpdir(), 'overtone-distribution-'));
const found = new Map<string, Timed[]>(names.map((name) => [name, []]));
const results = new Set<string>();

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const spread = ({ median, lowest, highest }: Spread, digits: number): string =>
  `${median.toFixed(digits)} [${lowest.toFixed(digits)} – ${highest.toFixed(digits)}]`;

try {
  for (let round = 0; round <= rounds; round++) {
    // Who goes first changes, lest the machine favour one of them.
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const out = join(folder, `${round} ${name}`);
      const time = await timed(contestants[name](out));
      results.add(await resultOf(out));
      await rm(out, { recursive: true });
      // The first round fills the caches of all.
      if (round > 0) found.get(name)?.push(time);
      say(
        `${round === 0 ? 'warm-up' : `round ${round}`}  ${name.padEnd(14)}  ${time.wall.toFixed(2)} s, ${time.cpu.toFixed(2)} s of processors (load ${loadavg()[0]?.toFixed(1)})`,
      );
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
if (results.size !== 1) throw new Error('the results differ');

say('\nmedian [least – most]; the same results in every round');
for (const figure of ['wall', 'cpu'] as const) {
  const of = (name: string): number[] => found.get(name)?.map((time) => time[figure]) ?? [];
  const [five, one] = [of('five processes'), of('one process')];
  say(
    `${figure === 'wall' ? 'time' : 'processors'}: five processes ${spread(spreadOf(five), 2)} s, one ${spread(spreadOf(one), 2)} s, ` +
      `five ÷ one ${spread(speedups(one, five), 3)}`,
  );
}

/** What a run found, without how long it took. */
async function resultOf(out: string): Promise<string> {
  const report: unknown = JSON.parse(await readFile(join(out, 'report.json'), 'utf8'));
  if (typeof report !== 'object' || report === null) throw new Error(`${out}: no report`);
  return JSON.stringify({ ...report, timings: undefined, createdAt: undefined });
}
