// Metrics: counters and histograms by name, without declaring them first.
import { type Attributes, type Counter, type Gauge, type Histogram, metrics } from '@opentelemetry/api';

const counters = new Map<string, Counter>();
const histograms = new Map<string, Histogram>();
const gauges = new Map<string, Gauge>();

/** Adds to the counter `name`, for example count('overtone.solutions', 8, { correct: true }). */
export function count(name: string, value = 1, attributes: Attributes = {}): void {
  let counter = counters.get(name);
  if (counter === undefined) {
    counter = metrics.getMeter('overtone').createCounter(name);
    counters.set(name, counter);
  }
  counter.add(value, attributes);
}

/** Records one value of the histogram `name`, for example recordValue('overtone.step.seconds', 1.3). */
export function recordValue(name: string, value: number, attributes: Attributes = {}): void {
  let histogram = histograms.get(name);
  if (histogram === undefined) {
    histogram = metrics.getMeter('overtone').createHistogram(name);
    histograms.set(name, histogram);
  }
  histogram.record(value, attributes);
}

/** Sets the gauge `name` to its present value, for example setGauge('overtone.training.loss', 0.43, { 'overtone.job.id': id }). */
export function setGauge(name: string, value: number, attributes: Attributes = {}): void {
  let gauge = gauges.get(name);
  if (gauge === undefined) {
    gauge = metrics.getMeter('overtone').createGauge(name);
    gauges.set(name, gauge);
  }
  gauge.record(value, attributes);
}
