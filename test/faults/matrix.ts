// The matrix of faults: every fault befalls every service while an experiment runs, which must end as if nothing had happened.
//
//   npm run faults -- [--only kill,pause,partition,slow,disk,restart,rolling] [--service judge] [--seed 1] [--json]
//
// It runs in namespaces of its own: nothing of it reaches any other process, file system or network.
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  type CellOutcome,
  type Ground,
  runCell,
  runInterrupted,
  runUndisturbed,
  type Target,
} from './cell.fixture.ts';
import { addHosts, SERVICES, startApi } from './deployment.fixture.ts';
import { type Fault, FAULTS } from './faults.fixture.ts';
import { isIsolated, prepareIsolated, runIsolated } from './isolated.fixture.ts';
import { Network } from './network.fixture.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    service: { type: 'string' },
    /** service/fault, separated by commas. */
    cells: { type: 'string' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});

function chosen<Name extends string>(text: string | undefined, all: readonly Name[], what: string): Name[] {
  if (text === undefined) return [...all];
  return text.split(',').map((name) => {
    const found = all.find((one) => one === name);
    if (found === undefined) throw new Error(`--${what}: "${name}" is none of ${all.join(', ')}`);
    return found;
  });
}

const TARGETS: readonly Target[] = [...SERVICES, 'experiment'];
/** What may befall the experiment: it is killed, or told to end, and started again. */
const ENDS = ['kill', 'restart'] as const;
/** What may befall one of two replicas without a word of the run. */
const UNHEARD: ReadonlySet<Fault> = new Set(['rolling']);

function cellsOf(): { readonly fault: Fault; readonly service: Target }[] {
  if (values.cells !== undefined)
    return values.cells.split(',').map((cell) => {
      const [service, fault] = cell.split('/');
      return {
        fault: chosen(fault ?? '', FAULTS, 'cells')[0] ?? 'kill',
        service: chosen(service, TARGETS, 'cells')[0] ?? 'judge',
      };
    });
  const services = chosen(values.service, TARGETS, 'service');
  return chosen(values.only, FAULTS, 'only').flatMap((fault) =>
    services
      .filter((service) => service !== 'experiment' || ENDS.some((end) => end === fault))
      // Its state has one writer.
      .filter((service) => service !== 'trainer' || fault !== 'rolling')
      .map((service) => ({ fault, service })),
  );
}

/** Whether a cell held what is promised. */
function holds({ differences, paidTwice, mayBeLost, fault, injected, said }: CellOutcome): boolean {
  const silent = !UNHEARD.has(fault) || said.every((text) => !/down|fail|error|waits/i.test(text));
  return differences.length === 0 && paidTwice <= mayBeLost && injected.length > 0 && silent;
}

async function runMatrix(): Promise<number> {
  prepareIsolated();
  const folder = mkdtempSync(join(tmpdir(), 'overtone-faults-'));
  const network = new Network();
  const ground: Ground = { network, hosts: addHosts(network), api: await startApi(network), folder };
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const outcomes: CellOutcome[] = [];
  try {
    const undisturbed = await runUndisturbed(ground);
    say(
      `undisturbed: ${undisturbed.seconds.toFixed(1)} s, ${undisturbed.paid.size} comparisons paid for, jobs of steps ${undisturbed.findings.jobs.join(' and ')}`,
    );
    const seed = Number(values.seed);
    for (const { service: target, fault: what } of cellsOf()) {
      const end = ENDS.find((one) => one === what);
      const outcome =
        target !== 'experiment'
          ? await runCell(ground, { service: target, fault: what, seed }, undisturbed)
          : await runInterrupted(ground, { fault: end ?? 'kill', seed }, undisturbed);
      outcomes.push(outcome);
      const { service, fault, injected, differences, paidTwice, mayBeLost, said, seconds } = outcome;
      say(
        `${holds(outcome) ? 'same' : 'NOT THE SAME'}  ${fault} ${service}: ${injected.join('; ')}; paid twice ${paidTwice}${mayBeLost > 0 ? ` (at most ${mayBeLost})` : ''}; ${seconds.toFixed(1)} s`,
      );
      for (const difference of differences) say(`    differs: ${difference}`);
      if (!holds(outcome)) for (const text of said) say(`    said: ${text}`);
    }
  } finally {
    if (process.env['OVERTONE_FAULTS_KEEP'] !== '1')
      // What could not be unmounted after a failure goes with the namespaces.
      await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
  if (values.json) process.stdout.write(`${JSON.stringify(outcomes)}\n`);
  else process.stdout.write(`${tableOf(outcomes)}\n`);
  return outcomes.every(holds) ? 0 : 1;
}

function tableOf(outcomes: readonly CellOutcome[]): string {
  const faults = FAULTS.filter((fault) => outcomes.some((outcome) => outcome.fault === fault));
  const services = TARGETS.filter((service) => outcomes.some((outcome) => outcome.service === service));
  const cell = (service: Target, fault: Fault): string => {
    const outcome = outcomes.find((each) => each.service === service && each.fault === fault);
    if (outcome === undefined) return '';
    const times = `${outcome.injected.length}×, ${outcome.seconds.toFixed(0)} s`;
    const { paidTwice, mayBeLost } = outcome;
    const paid = mayBeLost > 0 ? `, paid twice ${paidTwice} ≤ ${mayBeLost}` : '';
    return `${holds(outcome) ? 'same' : '**differs**'} (${times}${paid})`;
  };
  return [
    `| | ${faults.join(' | ')} |`,
    `| --- |${faults.map(() => ' --- |').join('')}`,
    ...services.map(
      (service) => `| ${service} | ${faults.map((fault) => cell(service, fault)).join(' | ')} |`,
    ),
  ].join('\n');
}

process.exit(
  isIsolated() ? await runMatrix() : await runIsolated(fileURLToPath(import.meta.url), process.argv.slice(2)),
);
