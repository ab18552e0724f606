// How far each judge of a panel can be relied on, from how the judges agree. Groups stream by; of the pairs that two judges or
// more have answered, a sample of bounded size is kept.
import type { EstimateReliabilityRequest, EstimateReliabilityResponse } from '@overtone/contracts';
import { randomInteger, seededRandom, witnessReliabilities } from '@overtone/statistics';
import { parseGroup } from './group.ts';
import { InvalidInput } from './invalid-input.ts';
import { checkPanel, logOddsOf, maxJudges } from './panel.ts';
import { preferencesOf } from './preferences.ts';

/** Most pairs that are kept: beyond it, a uniform sample (reservoir). More would not move a reliability by 0.01. */
const keptPairs = 20_000;

/** Gathers a panel's verdicts and says how far each judge can be relied on. */
export class PanelReliability {
  /** By the judge's name, its place and the pairs on which it was held against others. */
  readonly #judges = new Map<string, { place: number; pairs: number }>();
  /** Log-odds by the judges' places; NaN or beyond the end without a verdict. */
  readonly #sample: Float64Array[] = [];
  readonly #random = seededRandom('panel-reliability');
  #seen = 0;

  /**
   * Adds a group; the reliabilities in it are not looked at.
   * @throws InvalidInput naming the field that is wrong; the group is then left out as a whole
   */
  add({ problemId, solutions, panel }: EstimateReliabilityRequest): void {
    const group = parseGroup(problemId, solutions);
    if (panel.length === 0) throw new InvalidInput('panel', "is empty; expected several judges' verdicts");
    checkPanel(
      group,
      panel.map((judge) => ({ ...judge, reliability: 1 })),
    );
    const unknown = panel.filter(({ judge }) => !this.#judges.has(judge)).length;
    if (this.#judges.size + unknown > maxJudges) {
      throw new InvalidInput(
        'panel',
        `brings the judges to ${this.#judges.size + unknown}; expected at most ${maxJudges}`,
      );
    }
    const present = panel.map(({ judge, verdicts }) => {
      const known = this.#judges.get(judge) ?? { place: this.#judges.size, pairs: 0 };
      this.#judges.set(judge, known);
      return { known, preferences: preferencesOf(group, verdicts) };
    });
    for (let a = 0; a < group.texts.length; a++) {
      for (let b = a + 1; b < group.texts.length; b++) {
        const answers = present.flatMap(({ known, preferences }) => {
          const advantage = preferences.advantage(a, b);
          return advantage === undefined ? [] : [{ known, logOdds: logOddsOf(advantage) }];
        });
        if (answers.length < 2) continue;
        const row = new Float64Array(this.#judges.size).fill(NaN);
        for (const { known, logOdds } of answers) {
          known.pairs++;
          row[known.place] = logOdds;
        }
        this.#keep(row);
      }
    }
  }

  /** What the groups added so far say; 1 for a judge that could not be held against another. */
  result(): EstimateReliabilityResponse {
    const reliabilities = witnessReliabilities(this.#judges.size, this.#sample);
    const judges = Array.from(this.#judges, ([judge, { place, pairs }]) => ({
      judge,
      reliability: reliabilities[place] ?? 1,
      pairs,
    }));
    return { judges };
  }

  #keep(row: Float64Array): void {
    this.#seen++;
    if (this.#sample.length < keptPairs) {
      this.#sample.push(row);
      return;
    }
    const place = randomInteger(this.#random, this.#seen);
    if (place < keptPairs) this.#sample[place] = row;
  }
}
