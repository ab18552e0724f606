// A cell of the matrix: one experiment, while one fault befalls one service, at a random moment of each stage in which the service works.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '@overtone/statistics';
import type { JudgeApi } from '../../libs/judging/src/openai/judge-api.fixture.ts';
import {
  Deployment,
  type DeploymentOptions,
  type HostAddresses,
  JUDGE_CONCURRENCY,
  processesOf,
  type Service,
} from './deployment.fixture.ts';
import { type Fault, inject } from './faults.fixture.ts';
import { differences, type Findings, findingsOf } from './findings.fixture.ts';
import type { Network } from './network.fixture.ts';
import { Pipeline } from './pipeline.fixture.ts';

/** Where cells are run. */
export interface Ground {
  readonly network: Network;
  readonly hosts: HostAddresses;
  readonly api: JudgeApi;
  /** For all that cells leave behind. */
  readonly folder: string;
}

/** What a run without faults comes to. */
export interface Undisturbed {
  readonly findings: Findings;
  /** Comparisons that were paid for, by what was shown. */
  readonly paid: ReadonlyMap<string, number>;
  readonly seconds: number;
}

/** Whom a fault befalls: a service, or the experiment itself. */
export type Target = Service | 'experiment';

/** What a cell came to. */
export interface CellOutcome {
  readonly service: Target;
  readonly fault: Fault;
  /** What was done, and which stages were at work. */
  readonly injected: readonly string[];
  /** Where the run ended otherwise than the undisturbed one; empty where it is the same to the bit. */
  readonly differences: readonly string[];
  /** Comparisons that were paid for more often than in the undisturbed run. */
  readonly paidTwice: number;
  /** What may be paid for twice at most: what the judge may have under way at the API, each time that it is killed. */
  readonly mayBeLost: number;
  /** What the run said of it. */
  readonly said: readonly string[];
  readonly seconds: number;
}

/** The stages in which a service works; the last one is entered twice where it is the only one. */
const STAGES: Readonly<Record<Service, readonly string[]>> = {
  generator: ['sample', 'compare', 'evaluate'],
  judge: ['compare', 'compare'],
  scorer: ['compare', 'score'],
  trainer: ['train', 'train'],
  evaluator: ['evaluate', 'evaluate'],
};

/** Faults in which a peer goes silent; within three seconds that is noticed, instead of half a minute: sometimes before it ends, sometimes not. */
const SILENT: ReadonlySet<Fault> = new Set(['pause', 'partition', 'slow']);
const KEEPALIVE_MS = 1500;

/** Stages whose progress says how far they are. */
const COUNTED: ReadonlySet<string> = new Set(['sample', 'train', 'evaluate']);

const LONGEST_RUN_MS = 240_000;
const LONGEST_STAGE_MS = 20_000;

/** Runs the experiment without faults. */
export async function runUndisturbed(ground: Ground): Promise<Undisturbed> {
  const { api } = ground;
  const folder = join(ground.folder, 'undisturbed');
  const began = performance.now();
  const { findings, code, complaints } = await runIn(ground, folder, {}, async () => {});
  if (findings === undefined) throw new Error(`the undisturbed run ended with ${code}: ${complaints}`);
  return { findings, paid: new Map(api.paid), seconds: (performance.now() - began) / 1000 };
}

/** Runs a cell. */
export async function runCell(
  ground: Ground,
  { service, fault, seed }: { readonly service: Service; readonly fault: Fault; readonly seed: number },
  undisturbed: Undisturbed,
): Promise<CellOutcome> {
  const random = seededRandom(`${seed} ${fault} ${service}`);
  const { api, network } = ground;
  const folder = join(ground.folder, `${service}-${fault}`);
  const injected: string[] = [];
  const began = performance.now();
  const { findings, said, code, complaints } = await runIn(
    ground,
    folder,
    {
      traced: fault === 'disk',
      linked: fault === 'slow',
      replicated: fault === 'rolling' ? processesOf(service) : [],
      keepaliveMs: SILENT.has(fault) ? KEEPALIVE_MS : undefined,
    },
    async (pipeline, deployment) => {
      for (const [index, stage] of STAGES[service].entries()) {
        // Twice in a stage: once in each of its halves.
        const half = STAGES[service].indexOf(stage) === index ? 0 : 0.5;
        const share = half + 0.45 * random();
        // Comparisons are counted by the groups that are done, few and late: those that were paid for say more.
        const moment = { stage, share: COUNTED.has(stage) ? share : 0, delayMs: 150 * random() };
        const lastsMs = 1500 + 3500 * random();
        const kind = Math.floor(3 * random()) + index;
        if (!(await pipeline.reaches(moment))) break;
        if (stage === 'compare') await paidFor(api, share * undisturbed.paid.size);
        const stages = pipeline.active.join('+');
        injected.push(`${await inject({ fault, service, lastsMs, kind }, deployment, network)} in ${stages}`);
      }
    },
  );
  return {
    service,
    fault,
    injected,
    differences:
      findings === undefined
        ? [`ended with ${code}: ${complaints.trim().split('\n')[0] ?? ''}`]
        : differences(findings, undisturbed.findings),
    paidTwice: paidTwice(api, undisturbed),
    mayBeLost: service === 'judge' && fault === 'kill' ? JUDGE_CONCURRENCY * injected.length : 0,
    said,
    seconds: (performance.now() - began) / 1000,
  };
}

/**
 * Runs the experiment, which is ended itself at a random moment of each stage, while the services stay, and started again each time.
 */
export async function runInterrupted(
  ground: Ground,
  { fault, seed }: { readonly fault: 'kill' | 'restart'; readonly seed: number },
  undisturbed: Undisturbed,
): Promise<CellOutcome> {
  const random = seededRandom(`${seed} ${fault} experiment`);
  const { api } = ground;
  const injected: string[] = [];
  const said: string[] = [];
  const signal = fault === 'kill' ? 'SIGKILL' : 'SIGTERM';
  const began = performance.now();
  const folder = join(ground.folder, `experiment-${fault}`);
  const deployment = await Deployment.start(ground.network, ground.hosts, { folder });
  try {
    forgetPaid(api);
    const out = join(folder, 'run');
    const start = (): Pipeline => new Pipeline(deployment.file, out, deployment.pipeline);
    for (const stage of ['sample', 'compare', 'train', 'evaluate']) {
      const pipeline = start();
      const share = 0.1 + 0.8 * random();
      const moment = { stage, share: COUNTED.has(stage) ? share : 0, delayMs: 100 * random() };
      if (await pipeline.reaches(moment)) {
        if (stage === 'compare') await paidFor(api, share * undisturbed.paid.size);
        injected.push(`${signal} in ${pipeline.active.join('+')}`);
        pipeline.process.kill(signal);
      }
      await pipeline.ended;
      said.push(...pipeline.said);
    }
    const last = start();
    const code = await last.ended;
    const found =
      code === 0
        ? differences(findingsOf(out, deployment.trainerState), undisturbed.findings)
        : [last.complaints];
    return {
      service: 'experiment',
      fault,
      injected,
      differences: found,
      paidTwice: paidTwice(api, undisturbed),
      mayBeLost: 0,
      said: [...said, ...last.said],
      seconds: (performance.now() - began) / 1000,
    };
  } finally {
    await deployment.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits until so many comparisons have been paid for, or for as long as that can take. */
async function paidFor(api: JudgeApi, comparisons: number): Promise<void> {
  const end = performance.now() + LONGEST_STAGE_MS;
  while (api.calls < comparisons && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

function forgetPaid(api: JudgeApi): void {
  api.paid.clear();
  api.asked.length = 0;
}

/** Comparisons that were paid for more often than in the undisturbed run. */
function paidTwice(api: JudgeApi, undisturbed: Undisturbed): number {
  return [...api.paid].reduce(
    (sum, [shown, times]) => sum + Math.max(0, times - (undisturbed.paid.get(shown) ?? 0)),
    0,
  );
}

/** Runs the experiment in a deployment of its own, and meanwhile does something to it. */
async function runIn(
  { network, hosts, api }: Ground,
  folder: string,
  options: Omit<DeploymentOptions, 'folder'>,
  meanwhile: (pipeline: Pipeline, deployment: Deployment) => Promise<void>,
) {
  const deployment = await Deployment.start(network, hosts, { folder, ...options });
  try {
    forgetPaid(api);
    const out = join(folder, 'run');
    const pipeline = new Pipeline(deployment.file, out, deployment.pipeline);
    const limit = setTimeout(() => {
      pipeline.complaints += `after ${LONGEST_RUN_MS / 1000} s still in ${pipeline.active.join('+')}`;
      pipeline.process.kill('SIGKILL');
    }, LONGEST_RUN_MS);
    const [code] = await Promise.all([pipeline.ended, meanwhile(pipeline, deployment)]);
    clearTimeout(limit);
    const { complaints, said } = pipeline;
    const findings = code === 0 ? findingsOf(out, deployment.trainerState) : undefined;
    return { code, complaints, said, findings };
  } finally {
    await deployment.stop();
    if (process.env['OVERTONE_FAULTS_KEEP'] !== '1') rmSync(folder, { recursive: true, force: true });
  }
}
