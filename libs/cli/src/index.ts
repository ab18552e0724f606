// The command `overtone`; its program is main.ts.
export { buildProgram } from './program.ts';
export { describeFailure, EXIT, Interrupted } from './process-end.ts';
export { progressView, type ProgressView, type Screen } from './progress-view.ts';
