// Metrics by name; what each is, and its unit, is said in metric-definitions.ts. Names that are not there do not compile.
import { type Attributes, type Gauge, type Histogram, type Meter, metrics } from '@opentelemetry/api';
import { type MetricDefinition, type MetricName, METRICS } from './metric-definitions.ts';
import { Sums } from './sums.ts';

interface Options {
  readonly unit: string;
  readonly description: string;
  readonly advice?: { explicitBucketBoundaries: number[] };
}

/** Instruments of a kind, made when they are first used: telemetry has started by then. */
class Instruments<Name extends MetricName, Instrument> {
  readonly #made = new Map<Name, Instrument>();
  readonly #make: (meter: Meter, name: Name, options: Options) => Instrument;

  constructor(make: (meter: Meter, name: Name, options: Options) => Instrument) {
    this.#make = make;
  }

  get(name: Name): Instrument {
    let instrument = this.#made.get(name);
    if (instrument === undefined) {
      const definition: MetricDefinition = METRICS[name];
      instrument = this.#make(metrics.getMeter('overtone'), name, {
        unit: definition.unit,
        description: definition.brief,
        ...(definition.buckets === undefined
          ? {}
          : { advice: { explicitBucketBoundaries: [...definition.buckets] } }),
      });
      this.#made.set(name, instrument);
    }
    return instrument;
  }
}

const counters = new Instruments<MetricName<'counter'>, Sums>((meter, name, options) => {
  const sums = new Sums();
  meter.createObservableCounter(name, options).addCallback(sums.observe);
  return sums;
});
const upDownCounters = new Instruments<MetricName<'updowncounter'>, Sums>((meter, name, options) => {
  const sums = new Sums();
  meter.createObservableUpDownCounter(name, options).addCallback(sums.observe);
  return sums;
});
const histograms = new Instruments<MetricName<'histogram'>, Histogram>((meter, name, options) =>
  meter.createHistogram(name, options),
);
const gauges = new Instruments<MetricName<'gauge'>, Gauge>((meter, name, options) =>
  meter.createGauge(name, options),
);

const NONE: Attributes = {};

/** Adds to a counter, for example count('overtone.training.steps', 1, { 'overtone.job.id': id }). */
export function count(name: MetricName<'counter'>, value = 1, attributes: Attributes = NONE): void {
  counters.get(name).add(value, attributes);
}

/** Adds to something that also shrinks, for example countUpDown('overtone.queue.depth', -1, { 'overtone.queue.name': 'compare' }). */
export function countUpDown(
  name: MetricName<'updowncounter'>,
  value: number,
  attributes: Attributes = NONE,
): void {
  upDownCounters.get(name).add(value, attributes);
}

/** Records one value of a histogram, for example recordValue('overtone.training.step.duration', 1.3). */
export function recordValue(
  name: MetricName<'histogram'>,
  value: number,
  attributes: Attributes = NONE,
): void {
  histograms.get(name).record(value, attributes);
}

/** Sets a gauge to its present value, for example setGauge('overtone.training.loss', 0.43, { 'overtone.job.id': id }). */
export function setGauge(name: MetricName<'gauge'>, value: number, attributes: Attributes = NONE): void {
  gauges.get(name).record(value, attributes);
}
