// The trainer's handlers: validate, and pass on to the jobs.
import { type TrainerServiceServer } from '@overtone/contracts';
import { checkField, requiredField, serverStreamHandler, unaryHandler } from '@overtone/rpc';
import { type AllowedModels } from './allowed-models.ts';
import { type Jobs } from './jobs.ts';
import { parseSpecification } from './specification.ts';

/** Longest id of a job, characters. */
const LONGEST_ID = 1024;

/** TrainerService over a set of jobs. */
export function trainerService(jobs: Jobs, models: AllowedModels): TrainerServiceServer {
  return {
    createJob: unaryHandler(async (request) => {
      checkField(request.jobId !== '', 'job_id', 'must not be empty');
      checkField(
        request.jobId.length <= LONGEST_ID,
        'job_id',
        `must have at most ${LONGEST_ID} characters, has ${request.jobId.length}`,
      );
      const { model } = parseSpecification(requiredField(request.spec, 'spec'));
      await models.check(model);
      return { job: await jobs.create(request) };
    }),
    watchJob: serverStreamHandler((request, { signal }) =>
      jobs.watch(request.jobId, request.afterStep, signal),
    ),
    getJob: unaryHandler(async (request) => ({ job: jobs.get(request.jobId) })),
    cancelJob: unaryHandler(async (request) => ({ job: await jobs.cancel(request.jobId) })),
  };
}
