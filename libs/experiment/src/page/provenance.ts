// What it takes to do a run again: its configuration, the versions, the seeds, the hashes.
import type { Provenance, Report } from '@overtone/report';
import type { RunArtifacts } from './run-artifacts.ts';

/** The facts of a run that its numbers depend on. */
export function provenanceOf({ manifest, yaml }: RunArtifacts, report: Report): Provenance {
  const { overtone, node, created, updated, configuration, seeds, results } = manifest;
  return {
    configuration: yaml,
    facts: [
      ['Overtone', overtone],
      ['Node', node],
      ['model', `${report.model.name}, SHA-256 ${report.model.sha256}`],
      ['configuration', `SHA-256 ${configuration}`],
      ...Object.entries(seeds).map(([name, seed]): readonly [string, string] => [
        `seed${Array.isArray(seed) ? 's' : ''}: ${name}`,
        [seed].flat().join(', '),
      ]),
      ...(report.statistics === null
        ? []
        : [['seed: bootstrap and tests', String(report.statistics.seed)] as const]),
      ['begun', created],
      ['last written', updated],
      ['results', `${results.length}, each under the hash of what determined it (manifest.json)`],
    ],
  };
}
