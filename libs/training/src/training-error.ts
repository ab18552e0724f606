// Data or settings that cannot be trained on, or a run that went wrong, said in one line.

/** Says what was wrong, where, and what to do. */
export class TrainingError extends Error {
  override readonly name = 'TrainingError';
}
