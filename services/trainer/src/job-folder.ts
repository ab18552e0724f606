// A job on disk: its specification, its state, its steps' metrics. What is here survives a restart of the process.
import { appendFile, mkdir, open, readdir, readFile, rename, truncate } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { CreateJobRequest, Job, StepMetrics } from '@overtone/contracts';

/** One job's folder. */
export class JobFolder {
  readonly path: string;

  /** @param state The folder of all jobs. An id may hold any characters: the folder is named by its hash. */
  constructor(state: string, id: string) {
    this.path = join(state, 'jobs', createHash('sha256').update(id).digest('hex').slice(0, 32));
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
    await mkdir(this.path, { recursive: true });
    await this.replace('request.json', JSON.stringify(CreateJobRequest.toJSON(request)));
    await this.save(job);
  }

  /** Replaces the job's state. */
  async save(job: Job): Promise<void> {
    await this.replace('job.json', JSON.stringify(Job.toJSON(job)));
  }

  /** Appends a step. */
  async append(step: StepMetrics): Promise<void> {
    await appendFile(join(this.path, 'metrics.jsonl'), `${JSON.stringify(StepMetrics.toJSON(step))}\n`);
  }

  /** The steps so far, up to `last`; later ones, which will be taken again, are forgotten. */
  async steps(last: number): Promise<StepMetrics[]> {
    const path = join(this.path, 'metrics.jsonl');
    const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n').slice(0, -1);
    const steps: StepMetrics[] = [];
    let bytes = 0;
    for (const line of lines) {
      const step = StepMetrics.fromJSON(JSON.parse(line));
      if (step.step > last) break;
      steps.push(step);
      bytes += Buffer.byteLength(line) + 1;
    }
    if (lines.length > 0) await truncate(path, bytes);
    return steps;
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
