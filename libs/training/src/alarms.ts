// Alarms: signs in the metrics of a run that its loss improves while its policy is being destroyed, as ranking losses, which have no
// lower bound, allow. The policy has moved too far from where it started, or is sure of everything.

/** What is watched, and what happens. */
export interface AlarmOptions {
  /**
   * Most nats a token by which the mean log-probability of the completions may fall, 0 for any. Where the starting model sampled them,
   * the fall is KL(starting model ‖ trained one). Default 0.25.
   */
  readonly maxKl?: number | undefined;
  /** Least share of its start that the entropy of next tokens may keep, 0 for any. Default 0.1. */
  readonly minEntropyRatio?: number | undefined;
  /** Whether an alarm ends the run with its last good weights. Default stop. */
  readonly action?: 'stop' | 'warn' | 'off' | undefined;
}

/** An alarm that sounds. */
export interface Alarm {
  readonly metric: 'kl' | 'entropy';
  /** Nats a token, or the share of the start. */
  readonly value: number;
  readonly limit: number;
  /** The same in words. */
  readonly message: string;
}

/** What is watched of one step. */
export interface Vitals {
  /** Mean log-probability of completion tokens, nats. */
  readonly logprob: number;
  /** Mean entropy of the distributions that they are drawn from, nats. */
  readonly entropy: number;
}

/** The vitals that alarms go by: those of the first steps of a run, and of the last. */
export interface VitalsHistory {
  readonly first: readonly Vitals[];
  readonly recent: readonly Vitals[];
}

/** Steps that the start and the present are medians of: one odd batch is no alarm. */
const WINDOW = 5;
/** Steps between weights that may turn out to have been the last good ones. */
export const MARK_EVERY_STEPS = 10;

const DEFAULT_MAX_KL = 0.25;
const DEFAULT_MIN_ENTROPY_RATIO = 0.1;

/** Watches the vitals of a run, step by step. */
export class Alarms {
  readonly #maxKl: number;
  readonly #minRatio: number;
  readonly #sounded = new Set<string>();
  #history: VitalsHistory;

  /** @param history That of the run that this one continues. */
  constructor(options: AlarmOptions, history: VitalsHistory) {
    this.#maxKl = options.maxKl ?? DEFAULT_MAX_KL;
    this.#minRatio = options.minEntropyRatio ?? DEFAULT_MIN_ENTROPY_RATIO;
    this.#history = history;
  }

  /** What the next step is compared with. */
  get history(): VitalsHistory {
    return this.#history;
  }

  /** Takes a step's vitals. @returns the alarms that sound; each sounds once. */
  take({ logprob, entropy }: Vitals): Alarm[] {
    // What a checkpoint keeps of them: whether the run was interrupted must not matter.
    const vitals = { logprob: Math.fround(logprob), entropy: Math.fround(entropy) };
    const { first, recent } = this.#history;
    this.#history = {
      first: first.length < WINDOW ? [...first, vitals] : first,
      recent: [...recent, vitals].slice(-WINDOW),
    };
    const { kl, entropyRatio } = this.#present();
    const alarms: Alarm[] = [];
    if (this.#maxKl > 0 && kl > this.#maxKl) {
      const message = `the completions have become less likely by ${kl.toPrecision(3)} nats a token, more than ${this.#maxKl}: the policy is far from where it started`;
      alarms.push({ metric: 'kl', value: kl, limit: this.#maxKl, message });
    }
    if (this.#minRatio > 0 && entropyRatio < this.#minRatio) {
      const message = `the entropy of next tokens is ${entropyRatio.toPrecision(3)} of what it was at the start, less than ${this.#minRatio}: the policy is collapsing`;
      alarms.push({ metric: 'entropy', value: entropyRatio, limit: this.#minRatio, message });
    }
    const fresh = alarms.filter(({ metric }) => !this.#sounded.has(metric));
    for (const { metric } of fresh) this.#sounded.add(metric);
    return fresh;
  }

  /** Whether everything is within half of its limit. */
  get calm(): boolean {
    const { kl, entropyRatio } = this.#present();
    const far = this.#maxKl > 0 && kl > this.#maxKl / 2;
    return !far && !(this.#minRatio > 0 && entropyRatio < 2 * this.#minRatio);
  }

  #present(): { kl: number; entropyRatio: number } {
    const { first, recent } = this.#history;
    if (recent.length < WINDOW) return { kl: 0, entropyRatio: 1 };
    const of = (some: readonly Vitals[], name: keyof Vitals): number =>
      median(some.map((vitals) => vitals[name]));
    // Where a metric is missing it is not a number, and compares with no limit.
    return {
      kl: of(first, 'logprob') - of(recent, 'logprob'),
      entropyRatio: of(recent, 'entropy') / of(first, 'entropy'),
    };
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? NaN;
}
