// What telemetry costs: the same sampling and judging over gRPC by two sets of processes, one with telemetry sent to a collector and one
// without, in turns. What counts is the processor time of all processes of a set, which other work on the machine hardly changes; the time
// on the clock is given too. On a machine that has other work, let both sets work at the same time, so that it slows both alike:
// npm run bench:telemetry -- [rounds] [together]
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const register = import.meta.resolve('@overtone/telemetry/register');
const LOADS = ['sampling', 'judging', 'rubric'] as const;
const WHAT = {
  sampling: 'Generate: 768 samples of the miniature',
  judging: 'Compare: 1,200 comparisons by the miniature',
  rubric: 'Compare: 12,000 comparisons by the rubric, which computes nothing',
} as const;
/** Ticks of a second in /proc. */
const TICKS = 100;

/** A process that answers lines with lines. */
interface Talker {
  readonly child: ChildProcess;
  readonly lines: AsyncIterator<string>;
}

/** The processes of one set. */
interface Cluster {
  readonly processes: readonly ChildProcess[];
  readonly client: Talker;
}

function start(program: string, args: string[], environment: NodeJS.ProcessEnv): Talker {
  const child = spawn(process.execPath, ['--import', register, root + program, ...args], {
    env: { ...process.env, OVERTONE_TRACE_FILE: '', ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, lines };
}

async function line({ lines }: Talker): Promise<string> {
  const next = await lines.next();
  if (next.done === true) throw new Error('a process ended before its time');
  return next.value;
}

async function startCluster(endpoint: string | undefined): Promise<Cluster> {
  const telemetry = endpoint === undefined ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
  const processes: ChildProcess[] = [];
  const service = async (name: string, environment: NodeJS.ProcessEnv): Promise<string> => {
    const talker = start(`services/${name}/src/main.ts`, [], {
      ...telemetry,
      OVERTONE_SERVICE_NAME: name,
      ...environment,
    });
    processes.push(talker.child);
    return (JSON.parse(await line(talker)) as { address: string }).address;
  };
  const model = `${root}libs/miniature/model`;
  const generator = await service('generator', { OVERTONE_MODEL: model, OVERTONE_WORKERS: '1' });
  const judge = await service('judge', {
    OVERTONE_JUDGE: 'generator',
    OVERTONE_GENERATOR: generator,
    OVERTONE_JUDGE_TEMPLATE: 'miniature',
  });
  const rubric = await service('judge', { OVERTONE_JUDGE: 'rubric' });
  const client = start('test/bench/telemetry/load.ts', [generator, judge, rubric], telemetry);
  processes.push(client.child);
  await line(client);
  return { processes, client };
}

/** Processor time of all of a set's processes so far, seconds. */
function processorTime({ processes }: Cluster): number {
  return processes.reduce((sum, { pid }) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user = '0', system = '0'] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    return sum + (Number(user) + Number(system)) / TICKS;
  }, 0);
}

async function measure(cluster: Cluster, load: string): Promise<{ cpu: number; wall: number }> {
  const before = processorTime(cluster);
  cluster.client.child.stdin?.write(`${load}\n`);
  const { seconds } = JSON.parse(await line(cluster.client)) as { seconds: number };
  return { cpu: processorTime(cluster) - before, wall: seconds };
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
  const show = (value = 0): string => value.toFixed(3);
  return `${show(median)} [${show(sorted[0])} – ${show(sorted.at(-1))}]`;
}

const rounds = Number(process.argv[2] ?? 10);
const together = process.argv[3] === 'together';
let received = 0;
const collector = createServer((request, response) => {
  request.on('data', (chunk: Buffer) => (received += chunk.length)).on('end', () => response.end());
}).listen(0, '127.0.0.1');
await once(collector, 'listening');
const { port } = collector.address() as AddressInfo;

const without = await startCluster(undefined);
const having = await startCluster(`http://127.0.0.1:${port}`);
const ratios = new Map(LOADS.map((load) => [load, { cpu: [] as number[], wall: [] as number[] }]));
// What is compiled with the first calls, and what is kept of prompts.
for (const load of LOADS) for (const cluster of [without, having]) await measure(cluster, load);
const [began, beganWithout] = [processorTime(having), processorTime(without)];
const paid = { with: 0, without: 0 };
for (let round = 0; round < rounds; round++)
  for (const load of LOADS) {
    const order = round % 2 === 0 ? [without, having] : [having, without];
    const results = new Map<Cluster, { cpu: number; wall: number }>();
    const one = async (cluster: Cluster): Promise<unknown> =>
      results.set(cluster, await measure(cluster, load));
    if (together) await Promise.all(order.map(one));
    else for (const cluster of order) await one(cluster);
    const [off, on] = [results.get(without), results.get(having)];
    if (off === undefined || on === undefined) continue;
    ratios.get(load)?.cpu.push(on.cpu / off.cpu);
    ratios.get(load)?.wall.push(on.wall / off.wall);
    if (load !== 'rubric') {
      paid.with += on.cpu;
      paid.without += off.cpu;
    }
  }
const [whole, wholeWithout] = [processorTime(having) - began, processorTime(without) - beganWithout];
for (const { client, processes } of [without, having]) {
  client.child.stdin?.end();
  for (const child of processes) child.kill('SIGTERM');
}
collector.closeAllConnections();
collector.close();

const out = [
  '| load | processor time, with ÷ without | time on the clock |',
  '| --- | --- | --- |',
  ...Array.from(ratios, ([load, { cpu, wall }]) => `| ${WHAT[load]} | ${spread(cpu)} | ${spread(wall)} |`),
  '',
  `sampling and judging together: ${(paid.with / paid.without).toFixed(4)} of ${paid.without.toFixed(1)} s of processor time`,
  `everything, with what is sent between the loads: ${(whole / wholeWithout).toFixed(4)}; ${Math.round(received / 1024)} KiB were sent`,
];
process.stdout.write(`${out.join('\n')}\n`);
