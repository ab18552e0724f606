// Judging on its own: judges from a command line, questions from a file, verdicts that are paid for once.
export { type Judge, judgeEnvironment } from '../config/judge.ts';
export { describeJudge } from './describe-judge.ts';
export { JudgeDown } from './judge-down.ts';
export { judgeQuestions, type JudgedSummary, type JudgeQuestionsOptions } from './judge-questions.ts';
export { type JudgeSpec, parseJudgeSpec } from './judge-spec.ts';
export { type NamedJudge } from './open-session.ts';
export { type JudgedRow, type QuestionRow, readQuestions } from './question-file.ts';
