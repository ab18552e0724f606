// Tasks: where problems come from, how they are put to a model, and how an answer is verified. Needs no model.
export type { LoadedProblem, Problem } from './problem.ts';
export { canonicalAnswer, readAnswer, type Verification } from './answer.ts';
export { verify, VERIFIER_VERSION } from './verify.ts';
export { builtInVerifier, loadVerifier, type Verifier, type Verify } from './verifier.ts';
export {
  askingTurns,
  DEFAULT_PROMPT_TEMPLATE,
  exampleTurns,
  renderPrompt,
  solvedExample,
  type Prompt,
  type SolvedExample,
  type Turn,
} from './prompt.ts';
export type { Fields, RecordOptions } from './record.ts';
export { loadJsonl, parseJsonl } from './jsonl.ts';
export { loadParquet } from './parquet.ts';
export { loadGsm8k, type Gsm8kOptions, type Gsm8kSplit } from './gsm8k.ts';
export { isHubLocation, parseHubLocation, type HubLocation } from './hub.ts';
export { localFile } from './data-file.ts';
export { select, type Selection } from './selection.ts';
export { chainSum, chainSumProblem, type ChainSumOptions } from './chain-sum/chain-sum.ts';
export { reasoningGymChainSum, type ReasoningGymOptions } from './chain-sum/reasoning-gym.ts';
export {
  drawChain,
  formatChain,
  parseChain,
  runningTotals,
  type Chain,
  type ChainDrawOptions,
} from './chain-sum/chain.ts';
export { classifyStyle, CHAIN_SUM_STYLES, type ChainSumStyle } from './chain-sum/style.ts';
