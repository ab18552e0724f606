// The state of a run in a word, with a colour that says nothing the word does not.
import type { RunState } from '@overtone/experiment/history';

/** The words. */
export const STATE_WORDS: Readonly<Record<RunState, string>> = {
  'at work': 'at work',
  done: 'done',
  interrupted: 'interrupted',
  failed: 'failed',
  killed: 'killed',
};

/** The word as HTML. */
export function stateBadge(state: RunState): string {
  return `<span class="badge ${state.replace(' ', '-')}">${STATE_WORDS[state]}</span>`;
}
