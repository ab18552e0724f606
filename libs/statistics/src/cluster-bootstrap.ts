// The cluster bootstrap: an interval for a statistic when observations come in clusters (a question's samples, a
// question's pairs) that are alike within. Whole clusters are drawn with replacement, as many as there are, again and
// again; the interval spans the central share of the statistic's values (percentile method, Efron 1979).
//
// A cluster is represented by its sufficient statistics: a few numbers whose *sum* over clusters determines the
// statistic (for a mean: sum and count; for kappa: the confusion table). So memory and time do not depend on how many
// observations a cluster holds.
import { quantile } from './quantile.ts';
import { seededRandom } from './random.ts';

/** An estimate with an interval around it. */
export interface Interval {
  /** The estimate from all the data. */
  value: number;
  /** Lower end of the interval. */
  lower: number;
  /** Upper end of the interval. */
  upper: number;
}

/** How to resample. */
export interface BootstrapOptions {
  /** Names the random stream. */
  seed: number | string;
  /** How many times to resample. Default 1,000. */
  resamples?: number;
  /** Share of the resampled values inside the interval, in (0, 1). Default 0.95. */
  level?: number;
}

/**
 * A statistic of clustered data with its percentile interval.
 * Resamples on which the statistic is undefined (for example kappa when only one label occurs) are left out.
 * @param clusters sufficient statistics of each cluster, the same number for all
 * @param statistic maps their sum over clusters to the statistic; the sum is reused between calls
 * @returns undefined when the statistic is undefined on the data, or there are no clusters
 * @throws RangeError when clusters differ in length or options make no sense
 */
export function clusterBootstrap(
  clusters: readonly ArrayLike<number>[],
  statistic: (sum: Float64Array) => number | undefined,
  options: BootstrapOptions,
): Interval | undefined {
  return clusterBootstrapAll(clusters, [statistic], options)[0];
}

/**
 * Several statistics of the same clusters, each with its percentile interval, from the same resamples: what
 * `clusterBootstrap` gives for each of them, in one pass.
 * @returns one entry per statistic; see `clusterBootstrap`
 * @throws RangeError when clusters differ in length or options make no sense
 */
export function clusterBootstrapAll(
  clusters: readonly ArrayLike<number>[],
  statistics: readonly ((sum: Float64Array) => number | undefined)[],
  { seed, resamples = 1000, level = 0.95 }: BootstrapOptions,
): (Interval | undefined)[] {
  if (!Number.isInteger(resamples) || resamples < 1) {
    throw new RangeError(`clusterBootstrap: resamples is ${resamples}; expected an integer of at least 1`);
  }
  if (!(level > 0 && level < 1))
    throw new RangeError(`clusterBootstrap: level is ${level}; expected a number in (0, 1)`);
  const width = clusters[0]?.length ?? 0;
  const rows = new Float64Array(clusters.length * width);
  clusters.forEach((cluster, index) => {
    if (cluster.length !== width) {
      throw new RangeError(
        `clusterBootstrap: cluster ${index} has ${cluster.length} numbers; expected ${width} as in the first`,
      );
    }
    for (let column = 0; column < width; column++) rows[index * width + column] = cluster[column] as number;
  });
  const sum = new Float64Array(width);
  const add = (index: number): void => {
    for (let column = 0; column < width; column++) {
      sum[column] = (sum[column] as number) + (rows[index * width + column] as number);
    }
  };
  for (let index = 0; index < clusters.length; index++) add(index);
  const values = statistics.map((statistic) => (clusters.length > 0 ? statistic(sum) : undefined));
  if (values.every((value) => value === undefined)) return values.map(() => undefined);

  const random = seededRandom('cluster-bootstrap', seed);
  const resampled = statistics.map((): number[] => []);
  for (let resample = 0; resample < resamples; resample++) {
    sum.fill(0);
    for (let draw = 0; draw < clusters.length; draw++) add(Math.floor(random() * clusters.length));
    statistics.forEach((statistic, index) => {
      const value = values[index] === undefined ? undefined : statistic(sum);
      if (value !== undefined) resampled[index]?.push(value);
    });
  }
  return values.map((value, index) => {
    const sorted = Float64Array.from(resampled[index] ?? []).sort();
    if (value === undefined) return undefined;
    if (sorted.length === 0) return { value, lower: value, upper: value };
    return { value, lower: quantile(sorted, (1 - level) / 2), upper: quantile(sorted, (1 + level) / 2) };
  });
}

/**
 * The mean over clusters (each counts alike) of one value per cluster, with its percentile interval: avg@k with one
 * value per question, for example.
 * @throws RangeError when there are no values or options make no sense
 */
export function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions): Interval {
  const clusters = Array.from({ length: values.length }, (_, index) => [values[index] as number, 1]);
  const interval = clusterBootstrap(clusters, ([total = 0, count = 0]) => total / count, options);
  if (interval === undefined) throw new RangeError('bootstrapMean: no values; expected at least one');
  return interval;
}
