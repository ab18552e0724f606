// `npm run bench:replicas`: what further replicas of a judge are worth that waits for the network.
//
//   --rounds 5        how often each number of replicas takes its turn
//   --delay 200       milliseconds that the API takes for an answer
//   --concurrency 8   requests at a time of each replica
//   --questions 40    questions of a round, of 12 comparisons each
import { parseArgs } from 'node:util';
import { type Spread, speedups, spreadOf } from '../spread.ts';
import { COMPARISONS_EACH, type Judged, JudgeReplicas } from './judge-replicas.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    delay: { type: 'string', default: '200' },
    concurrency: { type: 'string', default: '8' },
    questions: { type: 'string', default: '40' },
  },
});
const [rounds, delayMs, each, questions] = [
  values.rounds,
  values.delay,
  values.concurrency,
  values.questions,
].map(Number) as [number, number, number, number];

const spread = ({ median, lowest, highest }: Spread, digits = 2): string =>
  `${median.toFixed(digits)} [${lowest.toFixed(digits)} – ${highest.toFixed(digits)}]`;

/** Measures several sets of replicas in turns. */
async function inTurns(
  judges: JudgeReplicas,
  sets: readonly (readonly number[])[],
): Promise<readonly (readonly Judged[])[]> {
  const found = sets.map(() => new Array<Judged>());
  await judges.judge([...judges.addresses.keys()], 2);
  for (let round = 0; round < rounds; round++)
    for (const [index, set] of sets.entries()) found[index]?.push(await judges.judge(set, questions));
  const all = found.flat();
  if (new Set(all.map(({ verdicts }) => verdicts)).size !== 1) throw new Error('verdicts depend on replicas');
  if (all.some(({ paidTwice }) => paidTwice > 0)) throw new Error('a comparison was asked for twice');
  return found;
}

process.stdout.write(
  `An API that takes ${delayMs} ms, ${each} requests at a time of each judge: at most ${((each * 1000) / delayMs).toFixed(0)} comparisons/s each; ` +
    `${questions * COMPARISONS_EACH} comparisons a round, ${rounds} rounds in turns; median [least – most]\n\n`,
);
const seconds = (rounds: readonly Judged[] = []): number[] => rounds.map((round) => round.seconds);
const rate = (rounds: readonly Judged[] = []): Spread =>
  spreadOf(rounds.map((round) => round.comparisons / round.seconds));

const equal = await JudgeReplicas.start({ delayMs, concurrency: [each, each, each] });
try {
  const sets = [[0], [0, 1], [0, 1, 2]];
  const found = await inTurns(equal, sets);
  for (const [index, set] of sets.entries())
    process.stdout.write(
      `${set.length} replica${set.length === 1 ? ' ' : 's'}  ${spread(rate(found[index]), 1)} comparisons/s, ${spread(speedups(seconds(found[index]), seconds(found[0])))} × one\n`,
    );
} finally {
  await equal.close();
}

const slower = Math.max(1, Math.floor(each / 4));
const unequal = await JudgeReplicas.start({ delayMs, concurrency: [each, slower] });
try {
  const found = await inTurns(unequal, [[0], [0, 1]]);
  process.stdout.write(
    `and one that has ${slower} requests at a time instead of ${each}: ${spread(speedups(seconds(found[1]), seconds(found[0])))} × one (at most ${((each + slower) / each).toFixed(2)})\n`,
  );
} finally {
  await unequal.close();
}
