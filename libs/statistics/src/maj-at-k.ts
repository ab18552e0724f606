// maj@k of one question (self-consistency, Wang et al. 2022): is the most frequent answer of k samples the right one? Like
// pass@k it is estimated from n ≥ k samples without bias: as the mean over all draws of k of them, counted and not drawn.

/** What the samples of a question answered. */
export interface Votes {
  /** n: all samples, also those without an answer. */
  readonly samples: number;
  /** Samples with the right answer. */
  readonly correct: number;
  /** How often each wrong answer occurs; samples that are left over have no answer and do not vote. */
  readonly wrong: readonly number[];
}

/**
 * The probability that the right answer is the most frequent among k of the samples. Of answers that are equally frequent one
 * is taken at random.
 *
 * With `top` votes for the right answer, every wrong one must have at most `top`; draws are counted by how many samples they
 * hold and how many wrong answers tie. Takes time of the order of n k² log k.
 *
 * @param k at least 1, at most `samples`
 * @throws RangeError when the counts make no sense, and for more than 1,000 samples
 */
export function majAtK({ samples, correct, wrong }: Votes, k: number): number {
  if (!Number.isInteger(k) || k < 1 || !Number.isInteger(samples) || samples < k)
    throw new RangeError(`majAtK: k is ${k} of ${samples} samples; expected integers, 1 ≤ k ≤ samples`);
  if (samples > 1000) throw new RangeError(`majAtK: ${samples} samples; expected at most 1,000`);
  const counts = [correct, ...wrong];
  const silent = samples - counts.reduce((sum, count) => sum + count, 0);
  if (counts.some((count) => !Number.isInteger(count) || count < 0) || silent < 0)
    throw new RangeError(
      `majAtK: votes ${counts.join(' + ')} of ${samples} samples; expected at most as many`,
    );
  let right = 0;
  for (let top = 1; top <= Math.min(correct, k); top++) {
    const rest = k - top;
    const ties = Math.floor(rest / top);
    // Draws of the wrong answers, by samples drawn and by how many answers tie.
    let ways = table(rest, ties);
    set(ways, 0, 0, 1);
    for (const count of wrong) ways = withAnswer(ways, count, top);
    for (const [drawn, byTies] of ways.entries()) {
      const left = rest - drawn;
      if (left > silent) continue;
      for (const [tied, number] of byTies.entries())
        right += (number * choose(correct, top) * choose(silent, left)) / (tied + 1);
    }
  }
  return Math.min(1, right / choose(samples, k));
}

/** Adds to all draws those of an answer that occurs `count` times, at most `top` of them. */
function withAnswer(ways: readonly (readonly number[])[], count: number, top: number): number[][] {
  const next = table(ways.length - 1, (ways[0]?.length ?? 1) - 1);
  for (const [drawn, byTies] of ways.entries()) {
    for (const [tied, number] of byTies.entries()) {
      if (number === 0) continue;
      for (let votes = 0; votes <= Math.min(count, top, ways.length - 1 - drawn); votes++)
        set(next, drawn + votes, votes === top ? tied + 1 : tied, number * choose(count, votes));
    }
  }
  return next;
}

function table(rows: number, columns: number): number[][] {
  return Array.from({ length: rows + 1 }, () => new Array<number>(columns + 1).fill(0));
}

function set(ways: number[][], drawn: number, tied: number, more: number): void {
  const row = ways[drawn];
  if (row !== undefined) row[tied] = (row[tied] ?? 0) + more;
}

/** Binomial coefficient; exact up to 2^53, to 1e-14 beyond. */
function choose(n: number, k: number): number {
  if (k > n) return 0;
  let ways = 1;
  for (let index = 0; index < Math.min(k, n - k); index++) ways = (ways * (n - index)) / (index + 1);
  return ways;
}
