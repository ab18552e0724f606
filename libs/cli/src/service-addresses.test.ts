import { parseExperiment } from '@overtone/experiment/prepare';
import { describe, expect, it } from 'vitest';
import { addServiceAddress, atAddresses, type ServiceAddresses } from './service-addresses.ts';

const FILE = `
name: small
model: a-model
task: { kind: chain-sum, train: { seed: 1, count: 2, terms: [2, 3], max: [9] }, easy: { seed: 2, count: 2, terms: [2, 3], max: [9] }, hard: { seed: 3, count: 2, terms: [2, 3], max: [9] } }
judges:
  self: { backend: generator, plan: swiss, maxPairs: 3 }
  rubric: { backend: rubric }
signals: { self-judge: { method: bradley-terry, judge: self } }
objectives: { sft: { type: sft, choose: best, steps: 1, groupsPerStep: 1, optimizer: { learningRate: 1 } } }
arms: [{ signal: self-judge, objective: sft }]
services: { scorer: 'there:1' }
`;

const given = (...texts: string[]): ServiceAddresses | undefined =>
  texts.reduce<ServiceAddresses | undefined>((before, text) => addServiceAddress(text, before), undefined);

const read = (addresses: ServiceAddresses | undefined) =>
  parseExperiment(
    FILE,
    { file: 'small.yaml', folder: '/nowhere' },
    addresses && { adjust: atAddresses(addresses) },
  );

describe('--service', () => {
  it('puts services elsewhere, and leaves what else the file says of them', () => {
    const experiment = read(
      given(
        'generator=dns:///generator:50051',
        'trainer=trainer:50051',
        'judge.self=[::1]:7=1',
        'artifacts=file:///store?a=b',
      ),
    );
    expect(experiment.services).toEqual({
      generator: 'dns:///generator:50051',
      scorer: 'there:1',
      trainer: 'trainer:50051',
      artifacts: 'file:///store?a=b',
    });
    expect(experiment.judges['self']).toEqual({
      backend: 'address',
      address: '[::1]:7=1',
      plan: 'swiss',
      maxPairs: 3,
    });
    expect(experiment.judges['rubric']).toEqual({ backend: 'rubric' });
    // Where generator and trainer run elsewhere, the model is theirs to find.
    expect(experiment.model).toBe('a-model');
  });

  it('refuses what is no service', () => {
    for (const text of ['generator', 'generator=', '=x:1', 'judge=x:1', 'judge.=x:1', 'oracle=x:1'])
      expect(() => addServiceAddress(text)).toThrow(/expected name=address/);
    expect(() => read(given('judge.mine=x:1'))).toThrow(
      '--service judge.mine: the experiment has no judge "mine" (its judges: self, rubric)',
    );
  });
});
