// Chat APIs as judges. An entry of its own: it brings an HTTP client along, which the other judges do without.
export { CircuitBreaker, CircuitOpen, type CircuitBreakerOptions } from './circuit-breaker.ts';
export { openAiJudge, type OpenAiJudgeOptions } from './openai-judge.ts';
export { readAnswer, type ReadOptions } from './read-answer.ts';
export { JUDGE_MODES, keyFromFile, type JudgeMode } from './settings.ts';
