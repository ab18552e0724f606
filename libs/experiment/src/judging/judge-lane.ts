// A lane of a session with a judge: what is under way with one of the judge's replicas.
import type { CompareRequest, JudgeServiceClient, Usage } from '@overtone/contracts';
import { Load, type Remote } from '@overtone/rpc';

/** A comparison that somebody waits for. */
export interface Ticket {
  readonly key: string;
  readonly request: CompareRequest;
  readonly bound: Usage;
  readonly resolve: (preference: number | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

type Client = Remote<typeof JudgeServiceClient.service>;

/** A judge, or one of its replicas, which can also say who it is. */
export type JudgeReplica = Pick<Client, 'compare'> & Partial<Pick<Client, 'describe' | 'address'>>;

/** What is under way with one replica. */
export class JudgeLane {
  readonly replica: JudgeReplica;
  readonly load = new Load();
  /** Failures in a row. */
  failures = 0;
  /** When the first of them was. */
  downSince = 0;
  /** Whether nothing was said of the last failure. */
  quiet = false;
  /** When it was last heard of, or given something after it had nothing. */
  lastAnswer = 0;
  readonly #sent = new Map<string, Ticket>();
  #nextId = 0;

  constructor(replica: JudgeReplica) {
    this.replica = replica;
  }

  /** Comparisons that it is to be asked again, and nobody else. */
  own: Ticket[] = [];

  /** Comparisons that were sent and not answered. */
  get open(): number {
    return this.#sent.size;
  }

  /** Whether nothing is under way. */
  get idle(): boolean {
    return this.#sent.size + this.own.length === 0;
  }

  /** Notes that a comparison is sent. @returns its id. */
  send(ticket: Ticket): string {
    const id = String(this.#nextId++);
    if (this.#sent.size === 0) this.lastAnswer = performance.now();
    this.#sent.set(id, ticket);
    this.load.start();
    return id;
  }

  /** What is in flight under an id. */
  get(id: string): Ticket | undefined {
    return this.#sent.get(id);
  }

  /** Notes that a comparison was answered. */
  answered(id: string): void {
    this.#sent.delete(id);
    this.load.finish();
    this.lastAnswer = performance.now();
  }

  /** Takes back what was sent and not answered, or was to be. */
  takeBack(): Ticket[] {
    const open = [...this.#sent.values(), ...this.own.splice(0)];
    this.#sent.clear();
    this.load.clear();
    return open;
  }
}
