// An objective as plain data: what crosses the boundary of a process or a thread.
import {
  dpo,
  type DpoOptions,
  type Objective,
  rrhf,
  type RrhfOptions,
  sft,
  type SftSelection,
} from './objectives/index.ts';

/** Names an objective and its settings. */
export type ObjectiveSpec =
  | { readonly type: 'sft'; readonly selection: SftSelection }
  | ({ readonly type: 'dpo' } & DpoOptions)
  | ({ readonly type: 'rrhf' } & RrhfOptions);

/** The objective of a spec. */
export function createObjective(spec: ObjectiveSpec): Objective {
  switch (spec.type) {
    case 'sft':
      return sft(spec.selection);
    case 'dpo':
      return dpo(spec);
    case 'rrhf':
      return rrhf(spec);
  }
}
