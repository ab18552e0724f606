// `overtone signals`: prints the cards.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { InputError } from '@overtone/experiment/prepare';
import { cardsOfFile, cardsOfRun } from '@overtone/experiment/cards';
import { type ReportedSignal, renderSignalsHtml, signalTable } from '@overtone/report';

/** Options of `overtone signals`. */
export interface SignalsFlags {
  audit?: string;
  json: boolean;
  html?: string;
}

/** As a path. */
const STANDARD_INPUT = '-';

/** Prints the cards of a run folder or a JSONL file. @throws InputError when there are none to be had */
export async function signalsCommand(path: string, flags: SignalsFlags, signal: AbortSignal): Promise<void> {
  if (path !== STANDARD_INPUT && !existsSync(path))
    throw new InputError(
      `${path} does not exist; give a run folder, or a JSONL file of solutions and verdicts`,
    );
  const isRun = path !== STANDARD_INPUT && statSync(path).isDirectory();
  const cards = isRun ? await ofRun(path, flags) : await ofFile(path, flags, signal);
  if (flags.html !== undefined) {
    try {
      writeFileSync(
        flags.html,
        renderSignalsHtml(path === STANDARD_INPUT ? 'signals' : basename(resolve(path)), cards),
      );
    } catch (error) {
      throw new InputError(`--html: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  process.stdout.write(flags.json ? `${JSON.stringify(cards, null, 2)}\n` : `${signalTable(cards)}\n`);
}

async function ofRun(path: string, { audit }: SignalsFlags): Promise<ReportedSignal[]> {
  if (audit !== undefined)
    throw new InputError(
      `--audit names a judge of a JSONL file, and ${path} is a run, which is audited as its experiment says; leave --audit away`,
    );
  return cardsOfRun(path);
}

async function ofFile(path: string, { audit }: SignalsFlags, signal: AbortSignal): Promise<ReportedSignal[]> {
  const { cards, questions, unsaturated } = await cardsOfFile(
    path === STANDARD_INPUT ? process.stdin : path,
    { audit, signal },
  );
  if (unsaturated > 0)
    process.stderr.write(
      `${unsaturated} of ${questions} questions are left out: not all of their solutions are correct\n`,
    );
  return cards;
}
