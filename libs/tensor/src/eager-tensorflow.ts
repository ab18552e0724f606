// The optional backend `tensorflow` of TensorFlow.js: libtensorflow, on a GPU or on the CPU, for running eagerly what is otherwise traced.
import { createRequire } from 'node:module';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { EAGER_PACKAGES, eagerCommand, type EagerPackage, isInstalled, versionOf } from './eager-packages.ts';

/** A backend that was loaded. */
export interface EagerTensorflow {
  readonly package: EagerPackage;
  readonly version: string;
  /** libtensorflow's version, where the package tells it. */
  readonly libtensorflow: string | undefined;
}

/** What these packages take from `node:util`, and current versions of Node no longer have. */
function restoreRemovedHelpers(): void {
  const removed = {
    isNullOrUndefined: (value: unknown): boolean => value === null || value === undefined,
    isArray: (value: unknown): boolean => Array.isArray(value),
  };
  for (const [name, helper] of Object.entries(removed))
    if (!(name in util)) Object.assign(util, { [name]: helper });
}

function libraryVersion(backend: object): string | undefined {
  const binding: unknown = 'binding' in backend ? backend.binding : undefined;
  if (typeof binding !== 'object' || binding === null || !('TF_Version' in binding)) return undefined;
  return String(binding.TF_Version);
}

/**
 * Loads the backend `tensorflow` from one package, and makes it TensorFlow.js's current one.
 *
 * @param from A file beside which the package is installed. Default: this one.
 * @throws {Error} when the package is not installed or does not load.
 */
export function loadEagerPackage(name: EagerPackage, from: string = import.meta.filename): EagerTensorflow {
  restoreRemovedHelpers();
  createRequire(from)(name);
  // It is there at once: the promise is for backends that load something.
  void tf.setBackend('tensorflow');
  if (tf.getBackend() !== 'tensorflow') throw new Error(`${name} registered no backend`);
  return { package: name, version: versionOf(name, from), libtensorflow: libraryVersion(tf.backend()) };
}

/**
 * Loads the backend `tensorflow` from whichever package is installed, the GPU's first.
 *
 * @param from A file beside which the packages are looked for. Default: this one.
 * @throws {Error} one line, when none is installed or none can be loaded: why, and the command that installs it.
 */
export function loadEagerTensorflow(from: string = import.meta.filename): EagerTensorflow {
  const refused: string[] = [];
  for (const name of EAGER_PACKAGES) {
    if (!isInstalled(name, from)) {
      refused.push(`${name} is not installed`);
      continue;
    }
    try {
      return loadEagerPackage(name, from);
    } catch (error) {
      const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      refused.push(`${name} is installed but does not load: ${line.trim()}`);
    }
  }
  throw new Error(
    `TensorFlow.js has no backend "tensorflow" here: ${refused.join('; ')}. To install it: ${eagerCommand('@tensorflow/tfjs-node')}`,
  );
}
