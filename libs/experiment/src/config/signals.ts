// What the signals of an experiment refer to: judges, other signals, and what sampling has to record.
import type { ExperimentFile, Signal } from './schema.ts';

/** The judges whose verdicts a signal is made of; none for a signal without. */
export function judgesOf(signal: Signal): readonly string[] {
  if (signal.method === 'panel') return signal.judges;
  return 'judge' in signal ? [signal.judge] : [];
}

/** Whether a signal is made of token entropies. */
export function needsEntropies({ method }: Signal): boolean {
  return method === 'inverse-entropy' || method === 'inverse-top-entropy';
}

/** Whether any signal is made of the entropies of the most uncertain tokens. */
export function needsTopEntropies(signals: Readonly<Record<string, Signal>>): boolean {
  return Object.values(signals).some(({ method }) => method === 'inverse-top-entropy');
}

/** Checks that signals name judges and signals that there are, and can be computed from the samples. */
export function checkSignals(
  { signals, judges, sampling }: ExperimentFile,
  known: (path: PropertyKey[], kind: string, name: string, among: object) => void,
  fail: (path: PropertyKey[], message: string) => never,
): void {
  for (const [name, signal] of Object.entries(signals)) {
    if (signal.method === 'combination') checkParts(name, signal, signals, known, fail);
    if (signal.method === 'panel') {
      signal.judges.forEach((judge, index) => {
        known(['signals', name, 'judges', index], 'judge', judge, judges);
        if (signal.judges.indexOf(judge) !== index)
          fail(['signals', name, 'judges', index], `names judge "${judge}" again`);
      });
    }
    if ('judge' in signal) known(['signals', name, 'judge'], 'judge', signal.judge, judges);
    if (judgesOf(signal).length > 0 && sampling.samples < 2)
      fail(
        ['sampling', 'samples'],
        `must be at least 2, because signal "${name}" compares the solutions of a question in pairs, but is ${sampling.samples}`,
      );
  }
}

function checkParts(
  name: string,
  { parts }: Extract<Signal, { method: 'combination' }>,
  signals: ExperimentFile['signals'],
  known: (path: PropertyKey[], kind: string, name: string, among: object) => void,
  fail: (path: PropertyKey[], message: string) => never,
): void {
  for (const [index, part] of parts.entries()) {
    const path = ['signals', name, 'parts', index, 'signal'];
    known(path, 'signal', part.signal, signals);
    if (signals[part.signal]?.method === 'combination')
      fail(path, `"${part.signal}" is a combination itself; name the signals that it consists of`);
    if (parts.findIndex(({ signal }) => signal === part.signal) !== index)
      fail(path, `names signal "${part.signal}" again`);
  }
  if (parts.every(({ weight }) => weight === 0))
    fail(['signals', name, 'parts', 0, 'weight'], 'is 0, as every weight is; give one that counts');
}

/** The signals that a combination is made of; none for another one. */
export function partsOf(signal: Signal): readonly string[] {
  return signal.method === 'combination' ? signal.parts.map((part) => part.signal) : [];
}

/** A signal and what it is made of, by name. */
export function withParts(
  signals: Readonly<Record<string, Signal>>,
  name: string,
): Readonly<Record<string, Signal>> {
  const own = signals[name];
  const needed = new Set([name, ...(own === undefined ? [] : partsOf(own))]);
  return Object.fromEntries(Object.entries(signals).filter(([known]) => needed.has(known)));
}
