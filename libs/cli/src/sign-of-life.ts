// A sign of life on standard error for work that may take longer than a second; nothing where nobody looks.
import type { Screen } from './progress-view.ts';

/** Says what is being done. */
export interface SignOfLife {
  say(text: string): void;
  /** Leaves the screen as it was. */
  done(): void;
}

/** One line that is replaced, on a terminal alone: a program that reads the output has no use for it. */
export function working(screen: Screen = process.stderr): SignOfLife {
  if (screen.isTTY !== true) return { say: () => {}, done: () => {} };
  return {
    say: (text) => screen.write(`\r\x1b[K${text.slice(0, (screen.columns ?? 80) - 2)}…`),
    done: () => screen.write('\r\x1b[K'),
  };
}
