// The paths of a task: absolute, but for those on the hub.
import { isHubLocation } from '@overtone/tasks';
import { resolve } from 'node:path';
import type { Task } from './task-schema.ts';

/** The task with its paths resolved from `folder`. */
export function resolveTask(task: Task, folder: string): Task {
  const at = (path: string): string => (isHubLocation(path) ? path : resolve(folder, path));
  const verifier = task.verifier === undefined ? {} : { verifier: at(task.verifier) };
  if (task.kind === 'chain-sum') return { ...task, ...verifier };
  if (task.kind === 'gsm8k') {
    return { ...task, ...verifier, ...(task.path === undefined ? {} : { path: at(task.path) }) };
  }
  const split = <Split extends { path: string }>(one: Split): Split => ({ ...one, path: at(one.path) });
  const { development, ...rest } = task;
  return {
    ...rest,
    ...verifier,
    train: split(task.train),
    easy: split(task.easy),
    hard: split(task.hard),
    ...(development === undefined ? {} : { development: split(development) }),
  };
}
