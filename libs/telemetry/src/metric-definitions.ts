// Every metric that Overtone emits: its kind, its unit and what it counts. infra/observability/semantic-conventions.yaml says the same to
// operators, and a test compares them.

/** How a metric is kept. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'updowncounter' | 'gauge' | 'histogram';
  /** UCUM, annotations in braces. */
  readonly unit: string;
  readonly brief: string;
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** Calls take from a millisecond to hours: a stream of comparisons is one call. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200];
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144];
const SHARES = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1];

const gauge = (unit: string, brief: string) => ({ kind: 'gauge', unit, brief }) as const;
const counter = (unit: string, brief: string) => ({ kind: 'counter', unit, brief }) as const;
const upDown = (unit: string, brief: string) => ({ kind: 'updowncounter', unit, brief }) as const;
const histogram = (unit: string, brief: string, buckets: readonly number[]) =>
  ({ kind: 'histogram', unit, brief, buckets }) as const;

/** All metrics, by name. */
export const METRICS = {
  'rpc.server.call.duration': histogram('s', 'Duration of calls that a service answered', SECONDS),
  'rpc.client.call.duration': histogram('s', 'Duration of attempts to call a service', SECONDS),
  'rpc.server.active_calls': upDown('{call}', 'Calls that a service is answering'),
  'overtone.queue.depth': upDown('{item}', 'Items that a service has accepted and not finished'),
  'overtone.samples': counter('{sample}', 'Samples that a generator finished'),
  'overtone.engine.tokens': counter('{token}', 'Tokens that the engine computed, by phase'),
  'overtone.engine.busy_time': counter('s', 'Time that engine threads computed, by phase'),
  'overtone.engine.batch.fill': histogram('1', 'Share of the places of a batch that were in use', SHARES),
  'overtone.engine.cache.use': gauge('1', 'Share of the key-value memory of an engine thread in use'),
  'gen_ai.client.token.usage': histogram('{token}', 'Tokens of requests to external models', TOKENS),
  'gen_ai.client.operation.duration': histogram('s', 'Duration of requests to external models', SECONDS),
  'overtone.judge.comparisons': counter('{comparison}', 'Comparisons that a judge answered, by outcome'),
  'overtone.judge.tokens': counter('{token}', 'Tokens that a judge was paid for'),
  'overtone.judge.cost': counter('{currency}', 'What a judge cost, where its prices are known'),
  'overtone.training.loss': gauge('{loss}', 'Loss of the last step of a job'),
  'overtone.training.grad_norm': gauge('{norm}', 'Norm of the gradient of the last step of a job'),
  'overtone.training.learning_rate': gauge('{rate}', 'Learning rate of the last step of a job'),
  'overtone.training.rewards/margins': gauge('{reward}', 'Mean margin of implicit rewards of the last step'),
  'overtone.training.rewards/accuracies': gauge('1', 'Share of pairs that the last step ranked rightly'),
  'overtone.training.tokens': counter('{token}', 'Tokens of the steps that jobs have taken'),
  'overtone.training.steps': counter('{step}', 'Steps that jobs have taken'),
  'overtone.training.step.duration': histogram('s', 'Duration of training steps', SECONDS),
  'overtone.training.alarms': counter('{alarm}', 'Alarms that jobs have sounded'),
} as const satisfies Record<string, MetricDefinition>;

type Defined = typeof METRICS;

/** Names of metrics of a kind. */
export type MetricName<Kind extends MetricDefinition['kind'] = MetricDefinition['kind']> = {
  [Name in keyof Defined]: Defined[Name]['kind'] extends Kind ? Name : never;
}[keyof Defined];

/** Whether there is a gauge of this name. */
export function isGauge(name: string): name is MetricName<'gauge'> {
  const found: MetricDefinition | undefined = Object.entries(METRICS).find(([own]) => own === name)?.[1];
  return found?.kind === 'gauge';
}
