// Styles of solutions: which tasks have them, and how they are told apart.
import { classifyStyle } from '@overtone/tasks';
import type { Task } from './config/schema.ts';

/** Names the style of a solution's text. */
export type StyleOf = (text: string) => string;

/** How a task's solutions are told apart by style; undefined for tasks whose solutions have no styles that are known here. */
export function styleOfTask(task: Pick<Task, 'kind'>): StyleOf | undefined {
  return task.kind === 'chain-sum' ? classifyStyle : undefined;
}
