// Rounds: those compared take turns, so that whatever else the machine does meets all of them alike.
import { setTimeout } from 'node:timers/promises';
import { type Contestant } from './contestant.ts';
import { type Contender } from './results.ts';

/** Everyone is warmed up for at least this long: virtual machines compile what runs often. */
const WARM_UP_SECONDS = 0.5;
/** Threads of a runtime may spin for a moment after their work. */
const PAUSE_MS = 250;

/** What one of those compared is asked for. */
export interface Entry {
  readonly contestant: Contestant;
  /** Default: the contestant's. */
  readonly name?: string;
  /** The request of a round; round 0 warms up. No two rounds should be alike, for who remembers the beginnings of texts. */
  readonly request: (round: number) => Readonly<Record<string, unknown>>;
}

/** A number of an answer. Throws when it is missing. */
export function numberOf(answer: Readonly<Record<string, number>>, name: string, whose: string): number {
  const value = answer[name];
  if (value === undefined) throw new Error(`${whose} answered without ${name}`);
  return value;
}

/** Warms everyone up, then measures in turns. */
export async function takeTurns(entries: readonly Entry[], rounds: number): Promise<Contender[]> {
  const firsts: number[] = [];
  for (const { contestant, request } of entries) {
    firsts.push(numberOf(await contestant.ask(request(0)), 'seconds', contestant.name));
    for (let spent = 0; spent < WARM_UP_SECONDS;)
      spent += Math.max(1e-3, numberOf(await contestant.ask(request(0)), 'seconds', contestant.name));
  }
  const seconds = entries.map((): number[] => []);
  const macs = entries.map((): number | undefined => undefined);
  for (let round = 1; round <= rounds; round++) {
    for (const [index, { contestant, request }] of entries.entries()) {
      await setTimeout(PAUSE_MS);
      const answer = await contestant.ask(request(round));
      seconds[index]?.push(numberOf(answer, 'seconds', contestant.name));
      macs[index] = answer['macs'];
    }
  }
  const contenders: Contender[] = [];
  for (const [index, { contestant, name = contestant.name }] of entries.entries()) {
    const { peakBytes = NaN } = await contestant.ask({ op: 'memory' });
    const counted = macs[index];
    contenders.push({
      name,
      firstSeconds: firsts[index] ?? NaN,
      seconds: seconds[index] ?? [],
      peakBytes,
      ...(counted === undefined ? {} : { macs: counted }),
    });
  }
  return contenders;
}
