// A judge that stays down: the run ends, and continues with the same command.

/** Says in one line which judge did not answer, for how long, and what is kept. The command exits with a code of its own. */
export class JudgeDown extends Error {
  override readonly name = 'JudgeDown';
}
