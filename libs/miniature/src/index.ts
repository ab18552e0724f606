// The miniature: the embedded default world. A tiny base model's corpus, tokenizer, architecture and recipe.
export {
  corpusDocuments,
  documentTokens,
  DEFAULT_MAX_VALUES,
  DEFAULT_STYLES,
  DEFAULT_TERMS,
  type CorpusDocument,
  type CorpusOptions,
} from './corpus.ts';
export { judgeDocument, type JudgeDocument } from './judge-documents.ts';
export { renderSolution, type Style } from './styles.ts';
export { countTokens, miniatureTokenizer, SPECIAL_TOKENS, VOCABULARY } from './tokenizer.ts';
export { miniatureConfig } from './config.ts';
export { modelFolder, writeModelFolderFiles } from './model-folder.ts';
export { worldRecipe } from './recipe.ts';
export { OPENING_PHRASES, type Wording } from './wording.ts';
export type { Weighted } from './weights.ts';
