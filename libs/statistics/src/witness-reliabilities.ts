// Reliabilities of witnesses from their agreement, without knowing the truth: a model of Dawid and Skene's kind with one
// parameter a witness.
//
// Of each question the truth y is +1 or −1, equally likely. Witness k answers with log-odds x_k for +1. How sure it is, |x_k|,
// says nothing about y; that it is on y's side has probability σ(r_k |x_k|). So its answer is worth log-odds r_k x_k: r = 1 for a
// calibrated witness, less for one that is surer than it should be, 0 for one that guesses and below 0 for one that errs more
// often than not. Given y, witnesses are independent. With a prior r_k ~ N(1, 1) the log-posterior is
//   Σ log[½ Π_k σ(r_k x_k) + ½ Π_k σ(−r_k x_k)] − Σ (r_k − 1)² / 2,
// climbed by expectation-maximisation from r = 1: of the two mirrored solutions, that in which most witnesses are right.
// Two witnesses tell their product alone, and the prior divides it; three or more tell all.
// Sources: A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", 1979;
// X. Chen et al., "Pairwise ranking aggregation in a crowdsourced setting", 2013 (CrowdBT).

const tolerance = 1e-9;
const maxIterations = 2000;

/**
 * One reliability per witness: the factor by which the log-odds of its answers should count; 1 without evidence.
 * @param witnesses how many there are
 * @param questions of each question the witnesses' log-odds; NaN, or nothing at the end, where a witness is silent
 * @throws RangeError when there are more answers than witnesses, or infinite ones
 */
export function witnessReliabilities(
  witnesses: number,
  questions: readonly ArrayLike<number>[],
): Float64Array {
  questions.forEach((answers, question) => {
    if (answers.length > witnesses) {
      throw new RangeError(
        `witnessReliabilities: question ${question} has ${answers.length} answers of ${witnesses} witnesses`,
      );
    }
    for (let witness = 0; witness < answers.length; witness++) {
      const answer = answers[witness] as number;
      if (answer === Infinity || answer === -Infinity)
        throw new RangeError(
          `witnessReliabilities: answer ${witness} of question ${question} is ${answer}; expected a finite number`,
        );
    }
  });
  const reliabilities = new Float64Array(witnesses).fill(1);
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    // Of the expected log-posterior, in each reliability: its slope and its curvature, which is always negative.
    const slopes = reliabilities.map((reliability) => 1 - reliability);
    const curvatures = new Float64Array(witnesses).fill(-1);
    for (const answers of questions) {
      let logOdds = 0;
      for (let witness = 0; witness < answers.length; witness++) {
        const answer = answers[witness] as number;
        if (!Number.isNaN(answer)) logOdds += (reliabilities[witness] as number) * answer;
      }
      const belief = sigmoid(logOdds);
      for (let witness = 0; witness < answers.length; witness++) {
        const answer = answers[witness] as number;
        if (Number.isNaN(answer)) continue;
        const right = sigmoid((reliabilities[witness] as number) * answer);
        slopes[witness] = (slopes[witness] as number) + answer * (belief - right);
        curvatures[witness] = (curvatures[witness] as number) - answer * answer * right * (1 - right);
      }
    }
    let change = 0;
    for (let witness = 0; witness < witnesses; witness++) {
      const newton = -(slopes[witness] as number) / (curvatures[witness] as number);
      const step = Math.max(-1, Math.min(1, newton));
      reliabilities[witness] = (reliabilities[witness] as number) + step;
      change = Math.max(change, Math.abs(step));
    }
    if (change < tolerance) break;
  }
  return reliabilities;
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
