// A service at ten times the rate that it can sustain: what it does not take on it refuses at once, it stays as fast and as small as
// before, and whoever waits as asked is served. Prints what it measured.
import { status } from '@grpc/grpc-js';
import {
  AssessFidelityRequest,
  type PairVerdict,
  ScoreMethod,
  ScorerServiceClient,
  SignalSpec,
} from '@overtone/contracts';
import { connect, isShed, type Remote, RpcError, sleep, waitForHealthy } from '@overtone/rpc';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const MAX_CALLS = 4;
const ROUNDS = 3;
const LEAD_IN_MS = 400;
const LEAD_OUT_MS = 100;
const PEAK_MS = 3000;
const OVERLOAD_MS = 4000;
/** With more of the time than this in other processes' hands, rates are those of the machine and not of the service. */
const MOST_OTHERS = 0.15;

let process_: ChildProcess;
let address: string;
let scorer: Remote<typeof ScorerServiceClient.service>;

beforeAll(async () => {
  const main = fileURLToPath(new URL('../../services/scorer/src/main.ts', import.meta.url));
  process_ = spawn(process.execPath, [main], {
    env: {
      ...process.env,
      OVERTONE_EXIT_WITH_PARENT: '1',
      OVERTONE_LISTEN: '127.0.0.1:0',
      OVERTONE_MAX_CALLS: String(MAX_CALLS),
      OVERTONE_MAX_CALLS_PER_SECOND: '0',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { stdout } = process_;
  if (stdout === null) throw new Error('the scorer has no standard output');
  const [line] = (await once(createInterface(stdout), 'line')) as [string];
  ({ address } = JSON.parse(line) as { address: string });
  await waitForHealthy(address);
  scorer = connect(ScorerServiceClient, address, { timeoutMs: 30_000 });
});

afterAll(() => {
  scorer.close();
  process_.kill();
});

/** Some tens of milliseconds of work for the scorer. */
const requests = Array.from({ length: 24 }, (_, group) => {
  const verdicts: PairVerdict[] = [];
  for (let i = 0; i < 16; i++)
    for (let j = i + 1; j < 16; j++)
      verdicts.push({ i, j, forward: 0.2 + 0.6 * ((i + j) % 2), backward: 0.4 });
  const solutions = Array.from({ length: 16 }, (_, index) => ({
    index,
    text: `solution ${index}`,
    tokens: 20,
  }));
  return AssessFidelityRequest.fromPartial({
    problemId: `problem ${group}`,
    solutions,
    scores: solutions.map(({ index }) => ({ index, score: index })),
    verdicts,
    audit: verdicts,
    signal: SignalSpec.fromPartial({ method: ScoreMethod.SCORE_METHOD_BRADLEY_TERRY }),
  });
});

/** What came of calls. */
interface Ends {
  offered: number;
  /** When calls were answered, by the clock. */
  answered: number[];
  refused: number;
  /** Longest time until a refusal. */
  slowestRefusalMs: number;
  others: unknown[];
}

async function call(ends: Ends): Promise<void> {
  const began = performance.now();
  ends.offered++;
  try {
    await scorer.assessFidelity(requests, { retries: 0 });
    ends.answered.push(performance.now());
  } catch (error) {
    if (isShed(error)) {
      ends.refused++;
      ends.slowestRefusalMs = Math.max(ends.slowestRefusalMs, performance.now() - began);
    } else ends.others.push(error);
  }
}

/** Keeps as many calls open as the service takes. */
async function closedLoop(milliseconds: number, ends: Ends): Promise<void> {
  const end = performance.now() + milliseconds;
  const caller = async (): Promise<void> => {
    while (performance.now() < end) await call(ends);
  };
  await Promise.all(Array.from({ length: MAX_CALLS }, caller));
}

/** Makes calls at `perSecond`, whether or not others have ended. */
async function openLoop(perSecond: number, milliseconds: number, ends: Ends): Promise<void> {
  const start = performance.now();
  const open: Promise<void>[] = [];
  while (performance.now() < start + milliseconds) {
    const due = Math.floor(((performance.now() - start) / 1000) * perSecond);
    while (open.length < due) open.push(call(ends));
    await sleep(5);
  }
  await Promise.all(open);
}

/** What a load came to, without its beginning and its end. */
interface Throughput {
  answered: number;
  seconds: number;
  /** Seconds in which the service waited for a processor that others had. */
  waited: number;
  /** Seconds of processors that the service used. */
  used: number;
}

const add = (one: Throughput, other: Throughput): Throughput => ({
  answered: one.answered + other.answered,
  seconds: one.seconds + other.seconds,
  waited: one.waited + other.waited,
  used: one.used + other.used,
});
const rate = ({ answered, seconds, waited }: Throughput): number => answered / (seconds - waited);

async function throughput(
  load: (milliseconds: number, ends: Ends) => Promise<void>,
  milliseconds: number,
  ends: Ends,
): Promise<Throughput> {
  const before = ends.answered.length;
  const loaded = load(LEAD_IN_MS + milliseconds, ends);
  await sleep(LEAD_IN_MS);
  const from = { time: performance.now(), ...processorMs() };
  await sleep(milliseconds - LEAD_OUT_MS);
  const to = { time: performance.now(), ...processorMs() };
  await loaded;
  const within = ends.answered.slice(before).filter((time) => time >= from.time && time < to.time);
  const seconds = (to.time - from.time) / 1000;
  return {
    answered: within.length,
    seconds,
    waited: (to.waited - from.waited) / 1000,
    used: (to.used - from.used) / 1000,
  };
}

/** Milliseconds that the service used processors and that it was ready to run and could not, since its start; 0 where /proc does not tell. */
function processorMs(): { used: number; waited: number } {
  try {
    const [, waited] = readFileSync(`/proc/${process_.pid}/schedstat`, 'utf8').split(' ');
    const fields = readFileSync(`/proc/${process_.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return { used: (Number(fields[11]) + Number(fields[12])) * 10, waited: Number(waited) / 1e6 };
  } catch {
    return { used: 0, waited: 0 };
  }
}

/** Asks for the service's health, and measures its memory, until `done`. */
async function watch(done: AbortSignal): Promise<{ checks: number; slowestMs: number; rssMiB: number }> {
  const seen = { checks: 0, slowestMs: 0, rssMiB: 0 };
  while (!done.aborted) {
    const began = performance.now();
    await waitForHealthy(address, { timeoutMs: 20_000 });
    seen.checks++;
    seen.slowestMs = Math.max(seen.slowestMs, performance.now() - began);
    seen.rssMiB = Math.max(seen.rssMiB, rssMiB());
    await sleep(100);
  }
  return seen;
}

/** Resident memory of the scorer; 0 where /proc does not tell. */
function rssMiB(): number {
  try {
    const [, kib] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${process_.pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0;
  }
}

const none = (): Ends => ({ offered: 0, answered: [], refused: 0, slowestRefusalMs: 0, others: [] });

it('refuses what it cannot do, and does what it can as fast as ever', async () => {
  const usual = none();
  await closedLoop(PEAK_MS, usual);
  const { answered, seconds } = await throughput(closedLoop, PEAK_MS, usual);
  const flood = (milliseconds: number, ends: Ends): Promise<void> =>
    openLoop((10 * answered) / seconds, milliseconds, ends);
  const rssBefore = rssMiB();
  const flooded = none();
  const over = new AbortController();
  const watched = watch(over.signal);
  let peak: Throughput = { answered: 0, seconds: 0, waited: 0, used: 0 };
  let goodput = peak;
  // Alternately, so that what else the machine does slows down both.
  for (let round = 0; round < ROUNDS; round++) {
    peak = add(peak, await throughput(closedLoop, PEAK_MS, usual));
    goodput = add(goodput, await throughput(flood, OVERLOAD_MS, flooded));
  }
  over.abort();
  const health = await watched;

  const share = rate(goodput) / rate(peak);
  const efficiency = goodput.answered / goodput.used / (peak.answered / peak.used);
  const others = (peak.waited + goodput.waited) / (peak.seconds + goodput.seconds);
  const offered = flooded.offered / ((ROUNDS * (LEAD_IN_MS + OVERLOAD_MS)) / 1000);
  const percent = (part: number): string => `${(100 * part).toFixed(0)} %`;
  process.stdout.write(
    [
      `sustainable, calls/s   ${rate(peak).toFixed(1)}`,
      `offered, calls/s       ${offered.toFixed(1)} (${(offered / (peak.answered / peak.seconds)).toFixed(1)} times as many)`,
      `answered, calls/s      ${rate(goodput).toFixed(1)} (${percent(share)} of the peak; by the processor time that it took ${percent(efficiency)})`,
      `refused                ${flooded.refused} of ${flooded.offered}, the slowest after ${flooded.slowestRefusalMs.toFixed(0)} ms`,
      `memory, MiB            ${rssBefore.toFixed(0)} before, at most ${health.rssMiB.toFixed(0)}`,
      `health checks          ${health.checks} green, the slowest after ${health.slowestMs.toFixed(0)} ms`,
      `other processes        had the processor for ${percent(others)} of the time${others > MOST_OTHERS ? ': too much to hold the service to its rate' : ''}`,
      '',
    ].join('\n'),
  );
  expect([...usual.others, ...flooded.others].map(String)).toEqual([]);
  expect(usual.refused).toBe(0);
  expect(flooded.refused).toBeGreaterThan(flooded.offered / 2);
  if (others <= MOST_OTHERS) expect(share).toBeGreaterThan(0.9);
  expect(health.rssMiB).toBeLessThan(rssBefore + 128);
  expect(health.checks).toBeGreaterThan(20);
});

it('serves ten times as many callers as it takes at once, if they wait as they are asked to', async () => {
  const callers = Array.from({ length: 10 * MAX_CALLS }, async () => {
    await scorer.assessFidelity(requests, { timeoutMs: 100_000 });
  });
  const ended = await Promise.allSettled(callers);
  const failed = ended.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []));
  expect(failed).toEqual([]);
});

it('tells a call that is too large from one that comes too early', async () => {
  const text = 'x'.repeat(70 * 1024 * 1024);
  const [request] = requests;
  const [solution] = request?.solutions ?? [];
  if (request === undefined || solution === undefined) throw new Error('no request');
  const error: unknown = await scorer
    .assessFidelity([{ ...request, solutions: [{ ...solution, text }] }])
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RpcError);
  expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED, pushbackMs: undefined });
  await waitForHealthy(address);
});
