// Pure mathematics: random numbers, agreement, rankings, intervals, tests. Knows nothing of language models.
export {
  bradleyTerry,
  type BradleyTerryFit,
  type BradleyTerryOptions,
  bradleyTerryPosterior,
  type BradleyTerryPosterior,
  type Comparison,
} from './bradley-terry.ts';
export {
  addPrediction,
  type CalibrationBins,
  calibrationBins,
  expectedCalibrationError,
} from './calibration-error.ts';
export {
  bootstrapMean,
  type BootstrapOptions,
  clusterBootstrap,
  clusterBootstrapAll,
  type Interval,
} from './cluster-bootstrap.ts';
export { cohenKappa, cohenKappaOfTable } from './cohen-kappa.ts';
export { pearson, spearman } from './correlation.ts';
export { holm } from './holm.ts';
export { kendallTauB } from './kendall-tau.ts';
export { majAtK, type Votes } from './maj-at-k.ts';
export { mcnemarTest } from './mcnemar-test.ts';
export { mean, standardDeviation, variance } from './moments.ts';
export { normalQuantile } from './normal-quantile.ts';
export { partialCorrelation } from './partial-correlation.ts';
export { fitPlatt, type PlattScaling } from './platt-scaling.ts';
export { spearmanBrown } from './spearman-brown.ts';
export { fitTemperature } from './temperature-scaling.ts';
export {
  pairedPermutationTest,
  type PermutationTest,
  type PermutationTestOptions,
} from './paired-permutation-test.ts';
export { averageAtK, passAtK } from './pass-at-k.ts';
export { quantile } from './quantile.ts';
export { normalDeviate, type Random, randomInteger, seededRandom, shuffle } from './random.ts';
export { ranks } from './ranks.ts';
export { detectableDifference, type PowerOptions, questionsNeeded } from './sample-size.ts';
export { witnessReliabilities } from './witness-reliabilities.ts';
