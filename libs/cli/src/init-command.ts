// `overtone init`: writes a commented experiment file.
import { existsSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '@overtone/experiment/prepare';
import { experimentTemplate, type TaskKind } from './init-template.ts';

/** The options of `init`. */
export interface InitFlags {
  readonly task: TaskKind;
  readonly model?: string;
  readonly force: boolean;
}

const SHIPPED = fileURLToPath(new URL('../../miniature/model', import.meta.url));
/** A small base model for tasks that the shipped one knows nothing of. */
const HUB_MODEL = 'Qwen/Qwen3-0.6B-Base';

/** Writes the file; "-" prints it. @throws InputError when it is there already */
export function initCommand(file: string, { task, model, force }: InitFlags): void {
  const folder = file === '-' ? process.cwd() : dirname(resolve(file));
  const text = experimentTemplate({
    name: file === '-' ? task : basename(file, extname(file)).slice(0, 80),
    task,
    model: modelFor(task, model, folder),
  });
  if (file === '-') {
    process.stdout.write(text);
    return;
  }
  if (existsSync(file) && !force)
    throw new InputError(`${file} is there already; give another name, or --force`);
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new InputError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const out = `runs/${basename(file, extname(file))}`;
  process.stdout.write(
    `Wrote ${file}. Next:\n  overtone plan ${file}\n  overtone run ${file} --out ${out}\n`,
  );
}

/** A path relative to the file; a name on the hub as it is. */
function modelFor(task: TaskKind, model: string | undefined, folder: string): string {
  if (model === undefined && task !== 'chain-sum') return HUB_MODEL;
  if (model !== undefined && !existsSync(model)) return model;
  const path = relative(folder, resolve(model ?? SHIPPED));
  return path === '' ? '.' : path;
}
