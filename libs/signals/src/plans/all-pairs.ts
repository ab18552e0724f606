// All pairs, the paper's plan: every text meets every other. Where a budget cuts it short, it goes on in the rounds of a
// tournament in which each text plays once a round (the circle method), so that every text has been seen about as often.
import type { Plan, TextPair } from './standing.ts';

/** n(n − 1)/2 pairs, in ascending order; in rounds, in the seed's order, where there is no room for all. */
export const allPairs: Plan = {
  budget: (size) => (size * (size - 1)) / 2,
  next({ size, order, asked, wasAsked }, left) {
    const complete = left + asked >= (size * (size - 1)) / 2;
    const pairs = complete ? ascending(size) : inRounds(order);
    return pairs.filter(([a, b]) => !wasAsked(a, b));
  },
};

function ascending(size: number): TextPair[] {
  const pairs: TextPair[] = [];
  for (let a = 0; a < size; a++) {
    for (let b = a + 1; b < size; b++) pairs.push([a, b]);
  }
  return pairs;
}

/** The circle method: one seat stays, the others move on by one after every round; with an odd number a seat is empty. */
function inRounds(order: readonly number[]): TextPair[] {
  const seats: (number | undefined)[] = order.length % 2 === 0 ? [...order] : [...order, undefined];
  const last = seats.length - 1;
  const pairs: TextPair[] = [];
  for (let round = 0; round < last; round++) {
    for (let seat = 0; seat < seats.length / 2; seat++) {
      const [a, b] = [seats[seat], seats[last - seat]];
      if (a !== undefined && b !== undefined) pairs.push([a, b]);
    }
    seats.splice(1, 0, seats.pop());
  }
  return pairs;
}
