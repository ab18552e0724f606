// A job in traces and metrics: its preparation and its steps as spans below the job's own, made here from what the training thread tells.
import { count, isGauge, recordValue, setGauge, WorkSpans } from '@overtone/telemetry';

/** What a step says of itself. */
type StepMetrics = Readonly<Record<string, number>>;

/** One job's telemetry; made within its span. */
export class JobTelemetry {
  readonly #attributes: { readonly 'overtone.job.id': string };
  readonly #spans: WorkSpans;
  readonly #began = Date.now();
  #prepared = false;

  constructor(id: string) {
    this.#attributes = { 'overtone.job.id': id };
    this.#spans = new WorkSpans(this.#attributes);
  }

  /** A step has been taken just now. */
  step(metrics: StepMetrics): void {
    const end = Date.now();
    const { tokens = 0, tokens_per_second: speed = Infinity } = metrics;
    const start = end - (1000 * tokens) / speed;
    if (!this.#prepared) this.#spans.add('overtone.train.prepare', { start: this.#began, end: start });
    this.#prepared = true;
    this.#spans.add('overtone.train.steps', { start, end, sums: { 'overtone.token.count': tokens } });
    count('overtone.training.steps', 1, this.#attributes);
    count('overtone.training.tokens', tokens, this.#attributes);
    recordValue('overtone.training.step.duration', (end - start) / 1000);
    for (const [metric, value] of Object.entries(metrics)) {
      const name = `overtone.training.${metric}`;
      if (isGauge(name)) setGauge(name, value, this.#attributes);
    }
  }

  /** An alarm has sounded. */
  alarm(metric: string): void {
    count('overtone.training.alarms', 1, { ...this.#attributes, 'overtone.training.metric': metric });
  }

  /** The job has ended. */
  close(): void {
    this.#spans.close();
  }
}
