// The scorer at scale, as a process over the wire: verdicts a second when it scores and when it plans, and how much its memory
// grows while ten thousand questions stream through.
//   node test/bench/scale/scorer.ts [--groups 10000] [--solutions 16]
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  ComparisonPlan,
  type PairVerdict,
  type PlanComparisonsRequest,
  ScoreMethod,
  ScorerServiceClient,
  type ScoreGroupsRequest,
  type Solution,
} from '@overtone/contracts';
import { connect, waitForHealthy } from '@overtone/rpc';
import { normalDeviate, seededRandom } from '@overtone/statistics';

const { values } = parseArgs({
  options: {
    groups: { type: 'string', default: '10000' },
    solutions: { type: 'string', default: '16' },
  },
});
const groups = Number(values.groups);
const size = Number(values.solutions);

/** About 200 tokens of text, as a solution of a word problem has. */
const filler = 'So the total is now larger by what was added in this step. '.repeat(15);

function group(index: number): { solutions: Solution[]; verdicts: PairVerdict[] } {
  const random = seededRandom('scale', index);
  const strengths = Array.from({ length: size }, () => normalDeviate(random));
  const solutions = strengths.map((_, solution) => ({
    index: solution,
    text: `Question ${index}, solution ${solution}. ${filler}`,
    meanEntropy: random(),
    meanLogprob: -random(),
    tokens: 200,
  }));
  const verdicts = strengths.flatMap((one, i) =>
    strengths.slice(i + 1).map((other, offset) => {
      const preference = 1 / (1 + Math.exp(other - one + 0.3 * normalDeviate(random)));
      return { i, j: i + 1 + offset, forward: preference, backward: preference };
    }),
  );
  return { solutions, verdicts };
}

function* scoring(count: number, method: ScoreMethod, share = 1): Generator<ScoreGroupsRequest> {
  const signal = { method, reversed: false, seed: 0, residualiseLength: false };
  for (let index = 0; index < count; index++) {
    const { solutions, verdicts } = group(index);
    const kept = verdicts.filter(({ i, j }) => (i + j) % Math.round(1 / share) === 0);
    yield { problemId: `p${index}`, signal, solutions, verdicts: kept, panel: [], components: [] };
  }
}

function* planning(count: number, plan: ComparisonPlan): Generator<PlanComparisonsRequest> {
  for (let index = 0; index < count; index++) {
    const { solutions, verdicts } = group(index);
    const known = verdicts.filter(({ i, j }) => (i + j) % 3 === 0);
    yield { problemId: `p${index}`, solutions, plan, verdicts: known, maxPairs: 0, seed: 1 };
  }
}

const program = fileURLToPath(new URL('../../../services/scorer/src/main.ts', import.meta.url));
const service = spawn(process.execPath, [program], {
  env: { ...process.env, OVERTONE_EXIT_WITH_PARENT: '1', OVERTONE_LISTEN: '127.0.0.1:0' },
  stdio: ['pipe', 'pipe', 'inherit'],
});
const [line] = (await once(createInterface(service.stdout), 'line')) as [string];
const announced: unknown = JSON.parse(line);
if (typeof announced !== 'object' || announced === null || !('address' in announced))
  throw new Error(`the scorer announced ${line}`);
const address = String(announced.address);
await waitForHealthy(address);
const scorer = connect(ScorerServiceClient, address);

/** Resident memory of the scorer, MiB. */
function resident(): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(service.pid)], { encoding: 'utf8' })) / 1024;
}

/** Streams requests through and prints what it took. */
async function measure<Request extends { verdicts: PairVerdict[] }>(
  name: string,
  requests: Iterable<Request>,
  call: (requests: Iterable<Request>) => AsyncIterable<unknown>,
): Promise<void> {
  let verdicts = 0;
  function* counted(): Generator<Request> {
    for (const request of requests) {
      verdicts += request.verdicts.length;
      yield request;
    }
  }
  const before = resident();
  let [most, answers] = [before, 0];
  const start = performance.now();
  for await (const _ of call(counted())) if (++answers % 250 === 0) most = Math.max(most, resident());
  const seconds = (performance.now() - start) / 1000;
  process.stdout.write(
    `${name.padEnd(34)} ${answers} groups, ${verdicts} verdicts in ${seconds.toFixed(1)} s: ` +
      `${Math.round(verdicts / seconds).toLocaleString('en')} verdicts/s, ${Math.round(answers / seconds)} groups/s, ` +
      `memory ${before.toFixed(0)} → ${most.toFixed(0)} MiB at most\n`,
  );
}

try {
  const { SCORE_METHOD_BRADLEY_TERRY } = ScoreMethod;
  const score = (requests: Iterable<ScoreGroupsRequest>) => scorer.scoreGroups(requests);
  const plan = (requests: Iterable<PlanComparisonsRequest>) => scorer.planComparisons(requests);
  await measure('warming up', scoring(200, SCORE_METHOD_BRADLEY_TERRY), score);
  await measure('score, Bradley–Terry', scoring(groups, SCORE_METHOD_BRADLEY_TERRY), score);
  const some = Math.ceil(groups / 4);
  await measure('score, Bradley–Terry, a third', scoring(some, SCORE_METHOD_BRADLEY_TERRY, 1 / 3), score);
  await measure('plan, active, a third known', planning(some, ComparisonPlan.COMPARISON_PLAN_ACTIVE), plan);
  await measure(
    'plan, all pairs, a third known',
    planning(some, ComparisonPlan.COMPARISON_PLAN_ALL_PAIRS),
    plan,
  );
} finally {
  scorer.close();
  service.kill('SIGTERM');
}
