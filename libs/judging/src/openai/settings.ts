// How a chat API that judges is set: what a configuration can be read with before an HTTP client is loaded.
export { keyFromFile } from './key-file.ts';

/** How verdicts are come by: `auto` takes the first of the others that the server accepts. */
export const JUDGE_MODES = ['auto', 'logprobs', 'json-schema', 'text'] as const;
export type JudgeMode = (typeof JUDGE_MODES)[number];
