// A job on disk: its specification, its state, its steps' metrics as JSONL (metrics.jsonl) and for TensorBoard (tensorboard/). What is here survives a restart of the process.
import { appendFile, mkdir, open, readdir, readFile, rename, truncate } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { CreateJobRequest, Job, StepMetrics } from '@overtone/contracts';
import { EventFile } from './event-file.ts';

/** One job's folder. */
export class JobFolder {
  readonly path: string;
  readonly #events: EventFile;

  /** @param state The folder of all jobs. An id may hold any characters: the folder is named by its hash. */
  constructor(state: string, id: string) {
    this.path = join(state, 'jobs', createHash('sha256').update(id).digest('hex').slice(0, 32));
    // One name for ever, so that a job that continues appends to it; TensorBoard wants "tfevents" and a number.
    this.#events = new EventFile(join(this.path, 'tensorboard', 'events.out.tfevents.0000000000.overtone'));
  }

  /** All jobs in a state folder, in the order of their folders' names. */
  static async all(state: string): Promise<{ request: CreateJobRequest; job: Job; folder: JobFolder }[]> {
    const names = await readdir(join(state, 'jobs')).catch(() => []);
    const jobs = [];
    for (const name of names.sort()) {
      const read = async (file: string): Promise<unknown> =>
        JSON.parse(await readFile(join(state, 'jobs', name, file), 'utf8'));
      const request = await read('request.json').catch(() => undefined);
      const job = await read('job.json').catch(() => undefined);
      // A folder without both files is a job whose creation was interrupted before it was acknowledged.
      if (request === undefined || job === undefined) continue;
      const parsed = CreateJobRequest.fromJSON(request);
      jobs.push({ request: parsed, job: Job.fromJSON(job), folder: new JobFolder(state, parsed.jobId) });
    }
    return jobs;
  }

  /** Writes the request and the job's first state. */
  async create(request: CreateJobRequest, job: Job): Promise<void> {
    await mkdir(join(this.path, 'tensorboard'), { recursive: true });
    await this.replace('request.json', JSON.stringify(CreateJobRequest.toJSON(request)));
    await this.save(job);
  }

  /** Replaces the job's state. */
  async save(job: Job): Promise<void> {
    await this.replace('job.json', JSON.stringify(Job.toJSON(job)));
  }

  /** Appends a step. */
  async append(step: StepMetrics): Promise<void> {
    await appendFile(this.#metrics, `${JSON.stringify(StepMetrics.toJSON(step))}\n`);
    await this.#events.append(step.step, step.values);
  }

  /** The steps so far, up to `last`. */
  async steps(last: number): Promise<StepMetrics[]> {
    return (await this.#read(last)).steps;
  }

  /** As `steps`; later ones, which will be taken again, are forgotten, and so is a line that was not written to its end. */
  async continueAfter(last: number): Promise<StepMetrics[]> {
    const { steps, bytes, size } = await this.#read(last);
    if (bytes < size) await truncate(this.#metrics, bytes);
    await this.#events.continueAfter(last);
    return steps;
  }

  get #metrics(): string {
    return join(this.path, 'metrics.jsonl');
  }

  async #read(last: number): Promise<{ steps: StepMetrics[]; bytes: number; size: number }> {
    const text = await readFile(this.#metrics, 'utf8').catch(() => '');
    const steps: StepMetrics[] = [];
    let bytes = 0;
    for (const line of text.split('\n').slice(0, -1)) {
      const step = StepMetrics.fromJSON(JSON.parse(line));
      if (step.step > last) break;
      steps.push(step);
      bytes += Buffer.byteLength(line) + 1;
    }
    return { steps, bytes, size: Buffer.byteLength(text) };
  }

  private async replace(name: string, content: string): Promise<void> {
    const path = join(this.path, name);
    const file = await open(`${path}.partial`, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.partial`, path);
  }
}
