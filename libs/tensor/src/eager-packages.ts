// The packages that bring TensorFlow.js's backend `tensorflow`: optional, and looked for without loading anything.
import { createRequire } from 'node:module';

/** The first that is installed is taken. */
export const EAGER_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;
export type EagerPackage = (typeof EAGER_PACKAGES)[number];

/** Whether a package is there for modules beside `from`. Default: this one. */
export function isInstalled(name: EagerPackage, from: string = import.meta.filename): boolean {
  try {
    createRequire(from).resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}

/** The version of a package. Throws when it is not installed. */
export function versionOf(
  name: EagerPackage | '@tensorflow/tfjs-core',
  from: string = import.meta.filename,
): string {
  const description: unknown = createRequire(from)(`${name}/package.json`);
  if (typeof description === 'object' && description !== null && 'version' in description)
    return String(description.version);
  throw new Error(`${name}/package.json tells no version`);
}

/** The command that installs a package, in the version of this project's TensorFlow.js. Its install script downloads libtensorflow. */
export function eagerCommand(name: EagerPackage): string {
  return `npm install --no-save --ignore-scripts=false ${name}@${versionOf('@tensorflow/tfjs-core')}`;
}
