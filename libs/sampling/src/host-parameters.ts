// A model's parameters in the form that programs are fed, made once and shared by all of them.
import { type ParameterMap } from '@overtone/language-model';
import { hostTensor, type HostTensor } from '@overtone/tensor';

/** Wraps parameters without copying them. */
export function hostParameters(parameters: ParameterMap): Record<string, HostTensor> {
  return Object.fromEntries(
    [...parameters].map(([name, { shape, data }]) => [name, hostTensor({ dtype: 'float32', shape }, data)]),
  );
}
