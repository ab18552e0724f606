// Fidelity: how far a signal can be trusted, before anything is trained on it. Groups stream by; of each, a few numbers
// are kept, whatever the length of its solutions.
//
//   kappa               Cohen's kappa between the signal's and the stronger judge's answers to "which of the two is
//                       better?", over the audited pairs of distinct texts on which both have one (no tie, no missing
//                       verdict), with the first text of a pair in the order of the group as one label and the second as
//                       the other. The signal's answer is its own judge's, reversed if the signal is; for a signal without
//                       verdicts, the sign of the difference of scores.
//   tau                 Kendall's tau-b between the signal's scores and the Bradley–Terry strengths of the audit's
//                       verdicts, over the distinct texts with an audited pair; mean over the groups where it is defined.
//   order consistency   share of pairs, readable in both orders, whose orders lie on the same side of one half
//   position bias       mean over the same pairs of the preference for the place shown first, minus one half: in [−½, ½]
//   unreadable          share of unreadable verdicts, each order being one
//   intransitivity      share of circles among triples of distinct texts with three strict preferences
//   length correlation  Kendall's tau-b between score and number of tokens over distinct texts; mean over the groups where
//                       it is defined, 0 when there is none
//
// Intervals are 95 % percentile intervals of a bootstrap that resamples questions.
import type { AssessFidelityRequest, AssessFidelityResponse, PairVerdict } from '@overtone/contracts';
import {
  type BootstrapOptions,
  clusterBootstrap,
  cohenKappaOfTable,
  kendallTauB,
} from '@overtone/statistics';
import { bradleyTerryScore } from './bradley-terry-score.ts';
import { type Group, parseGroup } from './group.ts';
import { countTriples } from './intransitivity.ts';
import { InvalidInput } from './invalid-input.ts';
import { checkVerdicts, type Preferences, preferencesOf } from './preferences.ts';
import { reconcile, reverseVerdict } from './reconcile.ts';

/** Gathers groups and says how far their signal can be trusted. */
export class FidelityAssessment {
  readonly #bootstrap: BootstrapOptions;
  /** Per audited group, counts of (signal, audit) answers: first-first, first-second, second-first, second-second. */
  readonly #answers: Uint32Array[] = [];
  /** Per audited group where it is defined, tau-b. */
  readonly #taus: number[] = [];
  #groups = 0;
  #auditedPairs = 0;
  #verdicts = 0;
  #readable = 0;
  #bothReadable = 0;
  #consistent = 0;
  #positionBias = 0;
  #triples = 0;
  #cycles = 0;
  #lengthTaus = 0;
  #lengthTau = 0;

  /** @param bootstrap how intervals are computed; by default seed 0, 1,000 resamples, level 0.95 */
  constructor(bootstrap: Partial<BootstrapOptions> = {}) {
    this.#bootstrap = { seed: 0, ...bootstrap };
  }

  /**
   * Adds a group.
   * @throws InvalidInput naming the field that is wrong; the group is then left out as a whole
   */
  add(request: AssessFidelityRequest): void {
    const group = parseGroup(request.problemId, request.solutions);
    const scores = scoresOfTexts(group, request);
    checkVerdicts(group, request.verdicts);
    checkVerdicts(group, request.audit, 'audit');

    this.#groups++;
    const preferences = preferencesOf(group, request.verdicts);
    if (request.verdicts.length > 0) this.#addVerdicts(group, request.verdicts, preferences);
    if (request.audit.length > 0) {
      const own = request.signal?.reversed === true ? request.verdicts.map(reverseVerdict) : request.verdicts;
      const answers = own.length > 0 ? preferencesOf(group, own) : preferencesOfScores(scores);
      this.#addAudit(answers, scores, preferencesOf(group, request.audit));
    }
    const lengthTau = kendallTauB(
      scores,
      group.texts.map(({ members: [{ tokens }] }) => tokens),
    );
    if (lengthTau !== undefined) {
      this.#lengthTau += lengthTau;
      this.#lengthTaus++;
    }
  }

  /** What the groups added so far say; fields are absent as the contract describes. */
  result(): AssessFidelityResponse {
    const kappa = clusterBootstrap(this.#answers, (table) => cohenKappaOfTable(table, 2), this.#bootstrap);
    const taus = this.#taus.map((tau) => [tau, 1]);
    const tau = clusterBootstrap(taus, ([sum = 0, count = 0]) => sum / count, this.#bootstrap);
    return {
      groups: this.#groups,
      auditedPairs: this.#auditedPairs,
      kappa,
      tau,
      orderConsistency: share(this.#consistent, this.#bothReadable),
      positionBias: share(this.#positionBias, this.#bothReadable),
      unreadable: share(this.#verdicts - this.#readable, this.#verdicts),
      intransitivity: share(this.#cycles, this.#triples),
      lengthCorrelation: share(this.#lengthTau, this.#lengthTaus) ?? 0,
    };
  }

  #addVerdicts(group: Group, verdicts: readonly PairVerdict[], preferences: Preferences): void {
    for (const verdict of verdicts) {
      // On identical texts both orders are the same request: they cannot agree about anything.
      if (group.textOf.get(verdict.i) === group.textOf.get(verdict.j)) continue;
      const { readable, consistent, positionBias } = reconcile(verdict);
      this.#verdicts += 2;
      this.#readable += readable;
      if (consistent === undefined || positionBias === undefined) continue;
      this.#bothReadable++;
      if (consistent) this.#consistent++;
      this.#positionBias += positionBias;
    }
    const { triples, cycles } = countTriples(preferences);
    this.#triples += triples;
    this.#cycles += cycles;
  }

  #addAudit(answers: Preferences, scores: readonly number[], audit: Preferences): void {
    const table = new Uint32Array(4);
    const audited = new Set<number>();
    for (let i = 0; i < audit.size; i++) {
      for (let j = i + 1; j < audit.size; j++) {
        const expected = audit.advantage(i, j);
        if (expected === undefined) continue;
        audited.add(i).add(j);
        const given = answers.advantage(i, j) ?? 0;
        if (given === 0 || expected === 0) continue;
        const cell = (given > 0 ? 0 : 2) + (expected > 0 ? 0 : 1);
        table[cell] = (table[cell] ?? 0) + 1;
        this.#auditedPairs++;
      }
    }
    this.#answers.push(table);
    const texts = [...audited];
    const strengths = bradleyTerryScore(audit);
    const tau = kendallTauB(
      texts.map((text) => scores[text] ?? 0),
      texts.map((text) => strengths[text]?.score ?? 0),
    );
    if (tau !== undefined) this.#taus.push(tau);
  }
}

/** The signal's score of every distinct text: its first solution's. */
function scoresOfTexts(group: Group, { scores }: AssessFidelityRequest): number[] {
  const byIndex = new Map<number, number>();
  scores.forEach(({ index, score }, position) => {
    if (!group.textOf.has(index) || byIndex.has(index)) {
      throw new InvalidInput(
        `scores[${position}].index`,
        `is ${index}; expected the index of each solution once`,
      );
    }
    if (!Number.isFinite(score)) {
      throw new InvalidInput(`scores[${position}].score`, `is ${score}; expected a finite number`);
    }
    byIndex.set(index, score);
  });
  if (byIndex.size !== group.solutions.length) {
    throw new InvalidInput(
      'scores',
      `has ${byIndex.size} scores for ${group.solutions.length} solutions; expected one each`,
    );
  }
  return group.texts.map(({ members: [{ index }] }) => byIndex.get(index) ?? 0);
}

/** The preferences that scores imply: for the larger score, a tie where they are equal. */
function preferencesOfScores(scores: readonly number[]): Preferences {
  return {
    size: scores.length,
    advantage: (a, b) => Math.sign((scores[a] ?? 0) - (scores[b] ?? 0)) / 2,
  };
}

function share(part: number, whole: number): number | undefined {
  return whole > 0 ? part / whole : undefined;
}
