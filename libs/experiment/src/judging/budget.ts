// A budget: what a judge may cost, kept to the unit. Before a comparison is asked for, the most that it can cost is set aside; what it
// did cost is taken when it is answered, and the rest is free again. So a budget is never exceeded, and at its end less may be spent
// than is left, where the most that a comparison can cost is more than that.
import type { CostBound, Usage } from '@overtone/contracts';
import type { JudgeBudget } from '../config/judge.ts';
import type { Spending } from './verdict-log.ts';

/** The most that a comparison of so many bytes can cost. */
export function boundOf(cost: CostBound | undefined, bytes: number): Usage {
  if (cost === undefined) return { promptTokens: 0, completionTokens: 0 };
  return {
    promptTokens: cost.promptTokens + Math.ceil(cost.promptTokensPerByte * bytes),
    completionTokens: cost.completionTokens,
  };
}

/** What tokens cost, in the currency of the prices; null without prices. */
export function costOf({ currency }: JudgeBudget, tokens: Usage): number | null {
  if (currency === undefined) return null;
  return (
    (tokens.promptTokens * currency.promptPerMillion +
      tokens.completionTokens * currency.completionPerMillion) /
    1e6
  );
}

/** Spending within limits. */
export class Budget {
  readonly #limits: JudgeBudget;
  /** Spent for good. */
  #taken: Spending;
  /** Set aside. */
  #aside: Spending = { calls: 0, promptTokens: 0, completionTokens: 0 };
  readonly #waiting: { readonly bounds: readonly Usage[]; readonly resolve: (granted: boolean) => void }[] =
    [];

  /** @param spent what earlier sittings spent, with what they may have spent without knowing. */
  constructor(limits: JudgeBudget, spent: Readonly<Spending>) {
    this.#limits = limits;
    this.#taken = { ...spent };
  }

  /**
   * Sets aside what comparisons may cost, all of them or none. Waits while what others have set aside may become free.
   *
   * @returns whether they can be afforded.
   */
  reserve(bounds: readonly Usage[]): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.push({ bounds, resolve });
      this.#serve();
    });
  }

  /** A comparison was answered. */
  settle(bound: Usage, cost: Usage): void {
    this.#taken = add(this.#taken, cost, 1);
    this.#aside = add(this.#aside, bound, -1);
    this.#serve();
  }

  /** What an answer cost; null without prices. */
  price(cost: Usage): number | null {
    return costOf(this.#limits, cost);
  }

  /** A comparison was not answered, and may have cost what was set aside. */
  forfeit(bound: Usage): void {
    this.settle(bound, bound);
  }

  /** A comparison was not answered, and cost nothing. */
  release(bound: Usage): void {
    this.#aside = add(this.#aside, bound, -1);
    this.#serve();
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const wanted = next.bounds.reduce<Spending>((sum, bound) => add(sum, bound, 1), this.#aside);
      const granted = this.#isWithin(wanted);
      if (!granted && this.#aside.calls > 0) return;
      if (granted) this.#aside = wanted;
      this.#waiting.shift();
      next.resolve(granted);
    }
  }

  #isWithin(aside: Spending): boolean {
    const { calls = Infinity, tokens = Infinity, currency } = this.#limits;
    const promptTokens = this.#taken.promptTokens + aside.promptTokens;
    const completionTokens = this.#taken.completionTokens + aside.completionTokens;
    return (
      this.#taken.calls + aside.calls <= calls &&
      promptTokens + completionTokens <= tokens &&
      (currency === undefined ||
        promptTokens * currency.promptPerMillion + completionTokens * currency.completionPerMillion <=
          currency.amount * 1e6)
    );
  }
}

function add(
  spending: Readonly<Spending>,
  { promptTokens, completionTokens }: Usage,
  sign: 1 | -1,
): Spending {
  return {
    calls: spending.calls + sign,
    promptTokens: spending.promptTokens + sign * promptTokens,
    completionTokens: spending.completionTokens + sign * completionTokens,
  };
}
