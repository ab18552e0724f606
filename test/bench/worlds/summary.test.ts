import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseExperiment } from '@overtone/experiment/prepare';
import { worldExperiment } from './experiment.ts';
import { tableOf } from './summary.ts';

describe('the worlds', () => {
  it('are experiments with every objective on every signal, or on some', () => {
    const model = fileURLToPath(new URL('../../../libs/miniature/model', import.meta.url));
    const options = { model, seeds: [1], train: 10, hard: 4 };
    const parse = (text: string) => parseExperiment(text, { file: 'x.yaml', folder: '/' });
    const whole = parse(worldExperiment(options));
    expect(whole.arms).toHaveLength(39);
    expect(new Set(whole.arms.map(({ objective }) => objective.type)).size).toBe(8);
    const some = { ...options, objectives: ['rrhf'], signals: ['perfect'], maxKl: 0 };
    expect(parse(worldExperiment(some)).arms).toMatchObject([
      { name: 'rrhf/perfect', objective: { rankWeight: 0.1, alarms: { action: 'off' } } },
    ]);
    expect(() => worldExperiment({ ...options, signals: ['none'] })).toThrow(/"none" is none of entropy/);
  });

  it('say which arms collapsed, and where alarms ended them', () => {
    const arm = { base: 0.5, steps: [80], alarms: 0, collapsed: false, ci95: [0, 0] } as const;
    const table = tableOf([
      { ...arm, world: '1', arm: 'dpo', after: 0.6 },
      { ...arm, world: '1', arm: 'rrhf', after: 0.2, collapsed: true, alarms: 1, steps: [50] },
      { ...arm, world: '2', arm: 'dpo', after: 0.55, base: 0.4 },
    ]);
    expect(table.split('\n')).toEqual([
      '| hard avg@8 | 1 | 2 |',
      '| --- | --- | --- |',
      '| base | .500 | .400 |',
      '| dpo | .600 | .550 |',
      '| rrhf | .200 ! @50 | – |',
      '',
      '1 of 3 arms end below their base by more than the 95 % interval; alarms ended 1 trainings.',
    ]);
  });
});
