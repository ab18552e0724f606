// `overtone eval` once its input has been checked: samples what is not known yet, and says what was measured.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import { type ArtifactRef, openStore } from '@overtone/artifacts';
import { InputError } from '@overtone/experiment/prepare';
import {
  type EvaluatedSystem,
  type EvaluationResult,
  evaluateSystems,
  type Host,
  readResults,
  type ResultLine,
} from '@overtone/experiment/evaluation';
import { storeAdapter } from './eval-adapters.ts';
import type { CheckedEvaluation, CheckedHost } from './eval-check.ts';
import type { EvalFlags } from './eval-program.ts';
import { renderEvaluation } from './eval-table.ts';
import { progressView } from './progress-view.ts';

/** Evaluates, writes `flags.out`, and prints what was found. */
export async function evalCommand(
  checked: CheckedEvaluation,
  flags: EvalFlags,
  signal: AbortSignal,
): Promise<void> {
  const { task, references, decoding, seed, ks, artifacts, workshop } = checked;
  const systems = await findInStore(checked);
  const view = progressView(process.stderr);
  let found: Awaited<ReturnType<typeof evaluateSystems>>;
  try {
    found = await evaluateSystems(
      { task, systems, references, decoding, seed, ks, artifacts },
      { workshop: join(workshop, 'eval'), listen: view.listen, signal },
    );
  } finally {
    view.close();
  }
  const { result, lines } = found;
  const written = flags.out === undefined ? undefined : await writeResults(flags.out, result, lines);
  process.stdout.write(
    flags.json ? `${JSON.stringify(result, null, 2)}\n` : renderEvaluation(result, written),
  );
}

/** The systems with their adapters in the store, and with what earlier evaluations found. */
async function findInStore({
  systems,
  task,
  artifacts,
  decoding,
}: CheckedEvaluation): Promise<EvaluatedSystem[]> {
  const store = openStore(artifacts);
  const hosts = new Map<CheckedHost, Host>();
  const found: EvaluatedSystem[] = [];
  for (const system of systems) {
    if ('file' in system) {
      const earlier = await readResults(system.file, task);
      for (const key of ['samples', 'temperature', 'topP', 'maxNewTokens'] as const)
        if (earlier.sampling[key] !== decoding[key])
          process.stderr.write(
            `${system.file} was sampled with ${key} ${earlier.sampling[key]}, and what is compared with it with ${decoding[key]}\n`,
          );
      found.push({ name: system.name, earlier });
      continue;
    }
    let adapter: ArtifactRef | undefined;
    if (system.adapter !== undefined) {
      adapter = await storeAdapter(store, system.adapter);
      if (system.host.address === undefined && !(await store.has(adapter)))
        throw new InputError(
          `adapter ${adapter.sha256} is not in ${artifacts}; give the --store that holds it, for example the folder of a run`,
        );
    }
    const host: Host = hosts.get(system.host) ?? system.host;
    hosts.set(system.host, host);
    found.push({ name: system.name, host, adapter });
  }
  return found;
}

/** Writes the results; a file is there whole or not at all. @returns where the lines are */
async function writeResults(
  out: string,
  result: EvaluationResult,
  lines: readonly ResultLine[],
): Promise<string> {
  const isFile = extname(out) === '.jsonl';
  const path = resolve(isFile ? out : join(out, 'results.jsonl'));
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  if (!isFile) await writeWhole(resolve(out, 'evaluation.json'), `${JSON.stringify(result, null, 2)}\n`);
  return path;
}

async function writeWhole(path: string, text: string): Promise<void> {
  try {
    await writeFile(`${path}.partial`, text);
    await rename(`${path}.partial`, path);
  } finally {
    await rm(`${path}.partial`, { force: true });
  }
}
