// Signal cards without a run: of a run folder that exists, or of solutions and verdicts from elsewhere.
export { cardsOfFile, type CardsOfFile, type FileCardOptions } from './file-cards.ts';
export { cardsOfRun } from './run-cards.ts';
export { signalCard, type CardTitle } from './signal-card.ts';
