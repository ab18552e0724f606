// The result of an evaluation for people.
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EvaluationResult, MeasuredSet } from '@overtone/experiment/evaluation';
import { curveTable, differenceTable, levelTable, styleTable, systemTable } from '@overtone/report';

/** Tables of metrics, differences, difficulties and styles, and what it cost. */
export function renderEvaluation(result: EvaluationResult, written: string | undefined): string {
  const { task, sampling, solutions, artifacts } = result;
  const parts = [
    `${task}: ${sampling.samples} samples a question, temperature ${sampling.temperature}, top-p ${sampling.topP}, seed ${sampling.seed}`,
    ...result.sets.flatMap((set) => renderSet(set)),
    legend(result),
    ...adapterLines(result),
    `${cost(solutions, place(artifacts))}${written === undefined ? '' : `\nResults: ${written}`}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

function renderSet({ name, questions, systems }: MeasuredSet): string[] {
  const title = `${name === '' ? '' : `${name}: `}${questions.toLocaleString('en')} questions`;
  const [first] = systems;
  const isCompared = systems.some(({ against }) => Object.keys(against).length > 0);
  const curve = curveTable(systems);
  return [
    `${title}\n${systemTable(systems)}`,
    ...(isCompared ? [differenceTable(systems)] : []),
    ...(curve === '' ? [] : [curve]),
    ...((first?.levels.length ?? 0) > 1 ? [levelTable(systems)] : []),
    ...((first?.styles.length ?? 0) > 0 ? [styleTable(systems)] : []),
  ];
}

/** How adapters are called from now on, wherever this store is. */
function adapterLines({ sets }: EvaluationResult): string[] {
  const lines = (sets[0]?.systems ?? []).flatMap(({ name, adapter }) =>
    adapter === null ? [] : [`Adapter ${name}: artifact ${adapter}`],
  );
  return lines.length === 0 ? [] : [lines.join('\n')];
}

function legend({ sets, statistics }: EvaluationResult): string {
  const systems = sets.flatMap((set) => set.systems);
  const isCompared = systems.some(({ against }) => Object.keys(against).length > 0);
  const intervals = `Intervals: 95 %, bootstrap over questions, seed ${statistics.seed}.`;
  if (!isCompared) return intervals;
  return [
    `${intervals} p: paired permutation test of avg@k over questions; McNemar: exact, on`,
    'questions solved (most samples right) by one alone, gained − lost; both adjusted over all comparisons of a set (Holm).',
    'needs: questions after which a difference like the one measured would be seen (power .8).',
  ].join('\n');
}

function cost({ sampled, known }: EvaluationResult['solutions'], where: string): string {
  const count = (value: number): string => value.toLocaleString('en');
  if (sampled === 0) return `Nothing was sampled: all ${count(known)} solutions were in ${where}.`;
  return known === 0
    ? `Sampled ${count(sampled)} solutions, kept in ${where}.`
    : `Sampled ${count(sampled)} solutions; ${count(known)} were in ${where}.`;
}

/** A store for people: its folder, from here where that is shorter. */
function place(artifacts: string): string {
  if (!artifacts.startsWith('file:')) return artifacts;
  const path = fileURLToPath(artifacts);
  const near = relative(process.cwd(), path);
  return near !== '' && near.length < path.length ? near : path;
}
