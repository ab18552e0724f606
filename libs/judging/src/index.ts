// Judging: how two solutions are put to a judge, how its verdict is read, and the judges that ship with Overtone.
export {
  JUDGING_TEMPLATES,
  loadTemplate,
  renderTemplate,
  templateBytes,
  VERDICTS,
  type Comparison,
  type JudgingTemplate,
} from './template.ts';
export { rubricPreference, RUBRIC_VERSION, styleRank } from './rubric.ts';
export { verdictOfLogprobs, verdictOfPreference, type Verdict } from './verdict.ts';
export type { JudgeBackend } from './judge-backend.ts';
export { rubricJudge } from './rubric-judge.ts';
export { generatorJudge, type GeneratorJudgeOptions, type ScoringModel } from './generator-judge.ts';
export { analysisJudge, type AnalysingModel, type AnalysisJudgeOptions } from './analysis-judge.ts';
export { readVerdictText } from './read-verdict.ts';
