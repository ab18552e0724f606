// The contracts between the services: types and stubs generated from proto/overtone/v1.
export * from './gen/overtone/v1/common.ts';
export * from './gen/overtone/v1/generator.ts';
export * from './gen/overtone/v1/judge.ts';
export * from './gen/overtone/v1/scorer.ts';
export * from './gen/overtone/v1/trainer.ts';
export * from './gen/overtone/v1/evaluator.ts';
