// The trainer process.
//
//   OVERTONE_ARTIFACTS=file:///…   where data sets come from and weights go; or s3://bucket/prefix
//   OVERTONE_STATE=/…              where jobs keep their state
//   OVERTONE_MODELS=/models,owner/*  which models callers may name (see allowed-models.ts)
//   OVERTONE_THREADS=1             threads within an operator
//   OVERTONE_DEVICE=cpu            what steps run on: cpu, cuda or webgpu
//   OVERTONE_PRECISION=float32     precision of matrix products: float32 or float16; int8 is float32 here
//   OVERTONE_CHECKPOINT_SECONDS=5  least seconds between checkpoints of a job
//   OVERTONE_CHECKPOINT_STEPS=0    a checkpoint every so many steps as well; 0: by time alone
//   OVERTONE_CHECKPOINT_KEEP=2     how many of the last checkpoints stay
//   OVERTONE_LOCK_SECONDS=10       how long to wait for another trainer that still works with this state
import { openStore } from '@overtone/artifacts';
import { TrainerServiceService } from '@overtone/contracts';
import { runService } from '@overtone/rpc';
import { requireDevice } from '@overtone/tensor/devices';
import { readHardware } from '@overtone/tensor/hardware';
import { AllowedModels } from './allowed-models.ts';
import { trainerService } from './handlers.ts';
import { Jobs } from './jobs.ts';

function required(name: string, meaning: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name}: set it to ${meaning}`);
  return value;
}

function number(name: string, fallback: number, least: number): number {
  const value = Number(process.env[name] ?? fallback);
  if (!Number.isFinite(value) || value < least)
    throw new Error(`${name}: expected a number of at least ${least}, got ${process.env[name]}`);
  return value;
}

try {
  const hardware = readHardware(process.env);
  await requireDevice(hardware.device);
  const models = AllowedModels.read(process.env);
  const jobs = await Jobs.open({
    store: openStore(
      required(
        'OVERTONE_ARTIFACTS',
        "the artifact store's URI, for example file:///var/lib/overtone/artifacts or s3://bucket/prefix",
      ),
    ),
    state: required('OVERTONE_STATE', 'a folder for the state of jobs'),
    threads: Math.floor(number('OVERTONE_THREADS', 1, 1)),
    hardware,
    checkpoints: {
      seconds: number('OVERTONE_CHECKPOINT_SECONDS', 5, 0),
      steps: Math.floor(number('OVERTONE_CHECKPOINT_STEPS', 0, 0)),
      keep: Math.floor(number('OVERTONE_CHECKPOINT_KEEP', 2, 1)),
    },
    lockSeconds: number('OVERTONE_LOCK_SECONDS', 10, 0),
    onLockLost: (error) => {
      process.stderr.write(`trainer: ${error.message}\n`);
      // At once, without a checkpoint: another trainer writes them now.
      process.exit(1);
    },
  });
  // Checkpoints first: open calls may take as long as they are given.
  const close = (): void => void jobs.close();
  process.once('SIGTERM', close).once('SIGINT', close);
  if (process.env.OVERTONE_EXIT_WITH_PARENT === '1') process.stdin.once('end', close).once('close', close);
  await runService({
    name: 'trainer',
    services: [{ definition: TrainerServiceService, implementation: trainerService(jobs, models) }],
    onClose: () => jobs.close(),
  });
} catch (error) {
  process.stderr.write(`trainer: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
