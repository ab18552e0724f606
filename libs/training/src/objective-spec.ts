// An objective as plain data: what crosses the boundary of a process or a thread.
import { dpo, grpo, kto, type Objective, orpo, plackettLuce, rrhf, sft, simpo } from './objectives/index.ts';

/** Every objective by its name: another one is a file and a line here. */
const OBJECTIVES = { sft, dpo, simpo, orpo, kto, 'plackett-luce': plackettLuce, grpo, rrhf };

type Options = { [Type in keyof typeof OBJECTIVES]: Parameters<(typeof OBJECTIVES)[Type]>[0] };

/** Names an objective and its settings. */
export type ObjectiveSpec<Type extends keyof Options = keyof Options> = {
  [One in Type]: { readonly type: One } & Options[One];
}[Type];

/** The objective of a spec. @throws RangeError when a setting is out of its range. */
export function createObjective<Type extends keyof Options>(spec: ObjectiveSpec<Type>): Objective {
  const create: { [One in keyof Options]: (options: Options[One]) => Objective } = OBJECTIVES;
  return create[spec.type](spec);
}
