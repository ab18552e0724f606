// A model's parameters in the form that programs are fed, made once and shared by all of them.
import { type Adapter, type LoraConfig, type ParameterMap } from '@overtone/language-model';
import { hostTensor, type HostTensor, type Resident } from '@overtone/tensor';

/** Parameters in the form that programs are fed. */
export interface HostWeights {
  /** What programs are fed; what is `resident` is not among them. */
  readonly tensors: Readonly<Record<string, HostTensor>>;
  /** The adapter whose matrices are among the tensors; undefined when there is none, or when it was merged. */
  readonly lora: LoraConfig | undefined;
  /** What programs keep with them instead of being fed; the same object for all adapters of a model. Default: nothing. */
  readonly resident?: Resident | undefined;
}

/**
 * Wraps parameters, and the matrices of an adapter that is not merged into them, without copying them.
 *
 * @param resident See `HostWeights`; the parameters are among its weights then, and not wrapped.
 */
export function hostParameters(
  parameters: ParameterMap,
  adapter?: Adapter,
  resident?: Resident,
): HostWeights {
  const tensors: Record<string, HostTensor> = {};
  for (const [name, { shape, data }] of [...(resident ? [] : parameters), ...(adapter?.parameters ?? [])])
    tensors[name] = hostTensor({ dtype: 'float32', shape }, data);
  return { tensors, lora: adapter?.lora, resident };
}
