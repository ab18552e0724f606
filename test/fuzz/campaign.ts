// A campaign: so many malformed requests to one service, each made from its number, and what must hold of every answer and afterwards.
import { AbsurdValues } from './absurd-values.ts';
import { brokenFrame, brokenHeaders, frame, type MalformedCall, spoilBytes } from './broken-frames.ts';
import { type ServiceUnderTest } from './deployment.ts';
import { Draw } from './draw.ts';
import { type Target } from './good-requests.ts';
import { writeTree } from './message-tree.ts';
import { attackConnection } from './raw-connections.ts';
import { type Outcome, Wire } from './wire.ts';

/** What a campaign came to. */
export interface CampaignReport {
  readonly service: string;
  readonly requests: number;
  readonly seconds: number;
  /** Answers by status; "connection" counts connections that spoke no gRPC. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Of every kind of malformed call, its answers by status. */
  readonly kinds: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Answers that were not right, at most twenty, by their request's number. */
  readonly wrong: readonly string[];
  /** Resident memory before, after a tenth of the requests, and after all of them, MiB. */
  readonly memoryMiB: { readonly before: number; readonly early: number; readonly after: number };
  /** Open file descriptors before and after. */
  readonly descriptors: { readonly before: number; readonly after: number };
  /** Longest that health took to answer SERVING, milliseconds. */
  readonly slowestHealthMs: number;
  /** What is wrong with the service itself; empty when nothing is. */
  readonly damage: readonly string[];
}

/** How to run a campaign. */
export interface CampaignOptions {
  readonly requests: number;
  readonly seed: number;
  /** Number of the first request. Default 0. */
  readonly first?: number;
  /** Calls at a time. Default 48. */
  readonly concurrency?: number;
}

/** Statuses that say what is wrong with the request or its time, or that it was not so wrong after all. */
const RIGHT: readonly string[] = [
  'OK',
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'FAILED_PRECONDITION',
  'RESOURCE_EXHAUSTED',
  'UNIMPLEMENTED',
  'OUT_OF_RANGE',
  'DEADLINE_EXCEEDED',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
];
/** A server may also drop the call or the connection where HTTP/2 itself is broken. */
const ROUGH: readonly string[] = [
  ...RIGHT,
  'RESET',
  'CLOSED',
  'CANCELLED',
  'HTTP 405',
  'HTTP 415',
  'HTTP 431',
  'HTTP 400',
];
const HEALTH = '/grpc.health.v1.Health/Check';
const HEALTH_EVERY_MS = 100;
/** Descriptors of a process come and go with its threads and its log. */
const SPARE_DESCRIPTORS = 4;

/** A malformed call, or none where a connection is attacked instead. */
export function malformedCall(target: Target, values: AbsurdValues, draw: Draw): MalformedCall | undefined {
  const share = draw.below(1000);
  // Where a message has no fields, little can be wrong with it.
  const fielded = target.methods.filter(({ trees: [tree] }) => (tree?.entries.length ?? 0) > 0);
  const { path, requests, trees } = draw.pick(draw.chance(0.85) ? fielded : target.methods);
  const request = draw.pick(requests);
  if (share < 5) return undefined;
  if (share < 10)
    return {
      kind: 'cancelled',
      path,
      body: frame(request).subarray(0, draw.below(20)),
      cancelAfterMs: draw.below(30),
    };
  if (share < 100) return brokenHeaders(path, request, draw);
  if (share < 250) return brokenFrame(path, request, draw);
  if (share < 450 || trees.length === 0) {
    const spoilt = spoilBytes(request, draw);
    return { kind: 'changed bytes', path, body: frame(spoilt) };
  }
  const absurd = draw.chance(0.05);
  const messages = Array.from({ length: draw.chance(0.1) ? 3 : 1 }, () => {
    const tree = draw.pick(trees);
    return frame(writeTree(absurd ? values.message(tree.message, draw, 3) : values.spoil(tree, draw)));
  });
  return { kind: absurd ? 'absurd message' : 'absurd fields', path, body: Buffer.concat(messages) };
}

/** Runs a campaign against a running service. */
export async function runCampaign(
  service: ServiceUnderTest,
  options: CampaignOptions,
): Promise<CampaignReport> {
  const { requests, seed, first = 0, concurrency = 48 } = options;
  const { name, address, target } = service;
  const values = new AbsurdValues(seed);
  const [wire, rough, calm] = [new Wire(address), new Wire(address, 1), new Wire(address, 1)];
  const statuses: Record<string, number> = {};
  const kinds: Record<string, Record<string, number>> = {};
  const wrong: string[] = [];
  const ask = (): Promise<Outcome> =>
    calm.call({ kind: 'good', body: frame(target.good.request), path: target.good.path }, '60S');
  const good = await finalAnswer(ask, target.good.isFinal);
  calm.close();
  const before = { memory: service.residentMiB(), descriptors: service.descriptors() };
  let early = before.memory;
  const health = new HealthWatch(address);
  const started = performance.now();
  let next = first;
  const work = async (): Promise<void> => {
    while (next < first + requests && service.alive()) {
      const number = next++;
      if (number - first === Math.floor(requests / 10)) early = service.residentMiB();
      const draw = new Draw('fuzz', seed, name, number);
      const call = malformedCall(target, values, draw);
      let status = 'connection';
      if (call === undefined) {
        await attackConnection(address, draw);
      } else {
        const isRough = call.cancelAfterMs !== undefined || isHeaderAttack(call);
        const outcome = await (isRough ? rough : wire).call(call);
        ({ status } = outcome);
        // A machine that is busy with something else may not come to a call in time.
        const right = call.expected ? [...call.expected, 'DEADLINE_EXCEEDED'] : isRough ? ROUGH : RIGHT;
        const closed = isRough && ROUGH.includes(status) && !RIGHT.includes(status);
        if (!right.includes(status) && !closed && wrong.length < 20)
          wrong.push(
            `${name} ${number} (${call.kind}, ${call.path.slice(0, 80)}): ${status} ${outcome.message.slice(0, 200)}`,
          );
      }
      statuses[status] = (statuses[status] ?? 0) + 1;
      const byStatus = (kinds[call?.kind ?? 'connection'] ??= {});
      byStatus[status] = (byStatus[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  const seconds = (performance.now() - started) / 1000;
  const watched = await health.end();
  wire.close();
  rough.close();
  const after = await ask();
  calm.close();
  const descriptors = {
    before: before.descriptors,
    after: await settledDescriptors(service, before.descriptors),
  };
  return {
    service: name,
    requests,
    seconds,
    statuses,
    kinds,
    wrong,
    memoryMiB: { before: before.memory, early, after: service.alive() ? service.residentMiB() : 0 },
    descriptors,
    slowestHealthMs: Math.round(watched.slowestMs),
    damage: [
      ...(service.alive() ? [] : [`the process ended: ${service.said().slice(-2000)}`]),
      ...watched.failures,
      ...(after.status === 'OK' && after.body.equals(good.body)
        ? []
        : [`a good request is answered with ${after.status} ${after.message}, and not as before`]),
      ...(descriptors.after > descriptors.before + SPARE_DESCRIPTORS
        ? [`${descriptors.after} descriptors are open, ${descriptors.before} were before`]
        : []),
      ...(/unhandled|uncaught/i.test(service.said()) ? [service.said().slice(-2000)] : []),
    ],
  };
}

const isHeaderAttack = ({ headers, path }: MalformedCall): boolean =>
  headers !== undefined && !('grpc-encoding' in headers)
    ? true
    : !path.startsWith('/overtone') && !path.startsWith('/grpc.');

/** The answer to a good request once it will not change any more: a job that is created must first end. */
async function finalAnswer(
  ask: () => Promise<Outcome>,
  isFinal: (answer: Uint8Array) => boolean,
): Promise<Outcome> {
  for (let left = 300; left > 0; left--) {
    const answer = await ask();
    if (answer.status !== 'OK')
      throw new Error(`a good request is answered with ${answer.status} ${answer.message}`);
    if (isFinal(answer.body.subarray(5))) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('a good request has no final answer within 30 s');
}

/** A closed connection's descriptor goes a moment later. */
async function settledDescriptors(service: ServiceUnderTest, before: number): Promise<number> {
  for (let left = 50; left > 0 && service.alive(); left--) {
    if (service.descriptors() <= before + SPARE_DESCRIPTORS) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return service.alive() ? service.descriptors() : 0;
}

/** Asks for health all the while, on a connection of its own. */
class HealthWatch {
  readonly #wire: Wire;
  readonly #ended: Promise<void>;
  readonly #failures: string[] = [];
  #slowest = 0;
  #stopped = false;

  constructor(address: string) {
    this.#wire = new Wire(address, 1);
    this.#ended = this.#watch();
  }

  async end(): Promise<{ slowestMs: number; failures: readonly string[] }> {
    this.#stopped = true;
    await this.#ended;
    await this.#check();
    this.#wire.close();
    return { slowestMs: this.#slowest, failures: this.#failures.slice(0, 3) };
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      await this.#check();
      await new Promise((resolve) => setTimeout(resolve, HEALTH_EVERY_MS));
    }
  }

  async #check(): Promise<void> {
    const started = performance.now();
    const { status, message, body } = await this.#wire.call(
      { kind: 'health', path: HEALTH, body: frame(Buffer.alloc(0)) },
      '30S',
    );
    this.#slowest = Math.max(this.#slowest, performance.now() - started);
    // Field 1, SERVING.
    if (status !== 'OK' || !body.equals(frame(Buffer.of(8, 1))))
      this.#failures.push(`health: ${status} ${message}`);
  }
}
