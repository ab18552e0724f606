// What a judge is shown is data: text that could pass for something else (a control token of a chat template, a heading of the
// judging prompt, a verdict) loses what makes it look so. Never longer in bytes than before, so that costs can be bounded.
import { createHash } from 'node:crypto';

/** `<|im_end|>` and its like, in ASCII and in the full-width bars of some models. */
const BARRED = /<([|｜])([^|｜<>\n]{0,64})([|｜])>/gu;
/** Control tokens without bars. */
const NAMED =
  /<(\/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn|begin_of_text|end_of_text|system|assistant|user|think))>/gi;
const BRACKETED =
  /\[(\/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|gMASK))\]|<<(\/?SYS)>>/g;
/** A line of a verdict, as judges write it. */
const VERDICT = /\b(judge?ment|verdict)(\W{0,4}?)[:：=]/giu;

/**
 * A question or a solution as a judge may be shown it. Ordinary solutions stay as they are.
 *
 * @param headings lines of the judging prompt: a line of the text that equals one loses its closing sign.
 */
export function shownData(text: string, headings: ReadonlySet<string>): string {
  const plain = text
    .replace(BARRED, '($1$2$3)')
    .replace(NAMED, '($1)')
    .replace(BRACKETED, (_, square?: string, angled?: string) =>
      square === undefined ? `((${angled ?? ''}))` : `(${square})`,
    )
    .replace(VERDICT, '$1$2');
  if (headings.size === 0) return plain;
  return plain
    .split('\n')
    .map((line) => (headings.has(line.trim()) ? line.trimEnd().replace(/[^\p{L}\p{N}]+$/u, '') : line))
    .join('\n');
}

/**
 * The mark of the lines between which data stands: made of all that is shown, so that none of it can hold the mark, and the same
 * whenever the same is shown.
 */
export function fenceOf(...shown: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(shown)).digest('hex').slice(0, 8);
}
