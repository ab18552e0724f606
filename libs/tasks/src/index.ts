// Tasks: where problems come from, how they are put to a model, and how an answer is verified. Needs no model.
export type { Problem } from './problem.ts';
export { readAnswer, canonicalInteger } from './answer.ts';
export { verify, type Verification } from './verify.ts';
export { renderPrompt, DEFAULT_PROMPT_TEMPLATE } from './prompt.ts';
export { loadJsonl, parseJsonl } from './jsonl.ts';
export { chainSum, chainSumProblem, type ChainSumOptions } from './chain-sum/chain-sum.ts';
export {
  drawChain,
  formatChain,
  parseChain,
  runningTotals,
  type Chain,
  type ChainDrawOptions,
} from './chain-sum/chain.ts';
export { classifyStyle, CHAIN_SUM_STYLES, type ChainSumStyle } from './chain-sum/style.ts';
