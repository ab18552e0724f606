// Measures how often attacks win over a judge:
//   node test/injection/measure.ts --judge rubric
//   node test/injection/measure.ts --judge '{backend: generator, template: miniature}' --model libs/miniature/model
//   node test/injection/measure.ts --judge '{backend: openai, baseUrl: http://localhost:8080}' [--pairs 2]
// The judge is given as for `overtone judge`.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { JudgeServiceClient } from '@overtone/contracts';
import { Supervisor } from '@overtone/experiment';
import { judgeEnvironment, parseJudgeSpec } from '@overtone/experiment/judging';
import { connect } from '@overtone/rpc';
import { PAIRS, renderResults, tryAttacks } from './injection.ts';

const { values } = parseArgs({
  options: { judge: { type: 'string' }, model: { type: 'string' }, pairs: { type: 'string' } },
});
const { name, settings } = parseJudgeSpec(values.judge ?? 'rubric');
const supervisor = new Supervisor();
try {
  const generator =
    values.model === undefined
      ? ''
      : await supervisor.start('generator', {
          OVERTONE_BACKEND: 'engine',
          OVERTONE_MODEL: resolve(values.model),
        });
  const address =
    settings.backend === 'address'
      ? settings.address
      : await supervisor.start('judge', {
          ...judgeEnvironment(name, settings),
          OVERTONE_GENERATOR: generator,
        });
  const remote = connect(JudgeServiceClient, address);
  const results = await tryAttacks(
    { compare: (requests, signal) => remote.compare(requests, { signal }) },
    { pairs: PAIRS.slice(0, Number(values.pairs ?? PAIRS.length)) },
  );
  process.stdout.write(`${renderResults(results)}\n`);
  remote.close();
} finally {
  await supervisor.stop();
}
