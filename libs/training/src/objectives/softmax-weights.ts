// Softmax weights: how likely each solution of a group is to be its best, if the scores are Bradley–Terry strengths in nats
// (Luce's choice axiom, 1959): w_i = exp(s_i) / Σ_j exp(s_j). Equal scores weigh alike; scores that are divided by a large number
// weigh nearly alike, and by a small one leave the best alone.

/** Weights of a group's solutions; they sum to one. Scores of any finite size are fine. */
export function softmaxWeights(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  return exponentials.map((value) => value / total);
}
