// The trainer's handlers: validate, and pass on to the jobs.
import { type TrainerServiceServer } from '@overtone/contracts';
import { checkField, requiredField, serverStreamHandler, unaryHandler } from '@overtone/rpc';
import { type Jobs } from './jobs.ts';
import { parseSpecification } from './specification.ts';

/** TrainerService over a set of jobs. */
export function trainerService(jobs: Jobs): TrainerServiceServer {
  return {
    createJob: unaryHandler(async (request) => {
      checkField(request.jobId !== '', 'job_id', 'must not be empty');
      parseSpecification(requiredField(request.spec, 'spec'));
      return { job: await jobs.create(request) };
    }),
    watchJob: serverStreamHandler((request, { signal }) =>
      jobs.watch(request.jobId, request.afterStep, signal),
    ),
    getJob: unaryHandler(async (request) => ({ job: jobs.get(request.jobId) })),
    cancelJob: unaryHandler(async (request) => ({ job: await jobs.cancel(request.jobId) })),
  };
}
