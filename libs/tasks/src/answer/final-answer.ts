// Where a solution states its final answer: markers, from explicit to weak, and their precedence.
import { LONGEST_ANSWER } from './quantity.ts';

/** What marks a final answer. */
export type AnswerMarker = 'box' | 'hashes' | 'phrase' | 'bold' | 'equation';

/** A text that a marker says is the final answer. */
export interface StatedAnswer {
  readonly marker: AnswerMarker;
  /** What stands at the marker, with its mark-up; "" when nothing does. */
  readonly content: string;
}

interface PlacedAnswer extends StatedAnswer {
  readonly at: number;
}

const BOX = /\\(?:boxed|fbox)\s*\{/g;
const PHRASE =
  /(?:(?<![\w/-])answer(?: to (?:the|this|our|your) [a-z ]{1,40}?)?[*_ ]{0,4}(?::|(?:is|equals|will be|should be|must be|would be)\b)|\b(?:the|final|correct|our|my) answer[*_ ]{0,4}=)/gi;
/** What, after an answer, takes it back. */
const WITHDRAWN =
  /\b(?:(?:actually|sorry|oops|correction|scratch that|wait,? no)\b.{0,200}\d|(?:is|was|that['’]s) (?:wrong|incorrect|not (?:right|correct)|a mistake)\b)/i;
/** GSM8K's calculator annotation, which models learn to write: "9 * 2 = <<9*2=18>>18". */
const ANNOTATION = /<<[^<>]*>>/g;
/** What, before "answer", makes it another one than the final one. */
const NOT_FINAL =
  /\b(?:(?:if|whether|suppose|assume|assuming|unless|until|when|once)(?: that)?(?: (?:the|our|my|your|this|final|correct))*|first|second|third|fourth|previous|earlier|other|another|wrong|incorrect|old|intermediate|partial|each|every|an)\s$/i;

/**
 * Finds what a solution states as its final answer.
 *
 * Explicit markers are `\boxed{…}` (the last one whose braces balance), `#### …`, and "the answer is …" or "Answer: …"
 * (also on the line after it). Of several, the last in the text counts, whatever it says: a later correction overrides,
 * and a last marker that cannot be read, or is taken back ("that is wrong", "sorry, it is 20"), is not made up for by an
 * earlier one. A phrase that no number follows ("the
 * answer is clear", "Answer: let us see") marks nothing, nor does a hypothetical one ("if the answer is 20").
 *
 * Only where there is no explicit marker, the last line counts: what is set in bold there, or what follows its last "=".
 * A bare number, on the last line or elsewhere, is no answer.
 *
 * @param kind what is looked for. For a `text`, a box or hashes go before phrases, and "=" marks nothing.
 */
export function findFinalAnswer(text: string, kind: 'number' | 'text'): StatedAnswer | undefined {
  const stated = findMarked(text, kind);
  return stated && { marker: stated.marker, content: stated.content.replace(ANNOTATION, '').trim() };
}

function findMarked(text: string, kind: 'number' | 'text'): StatedAnswer | undefined {
  const box = lastBox(text);
  const hashes = lastHashes(text);
  const boxed = (hashes?.at ?? -1) > (box?.at ?? -1) ? hashes : box;
  if (boxed !== undefined && kind === 'text') return boxed;
  const phrase = lastPhrase(text, kind);
  const explicit = (phrase?.at ?? -1) > (boxed?.at ?? -1) ? phrase : boxed;
  if (explicit !== undefined && WITHDRAWN.test(text.slice(explicit.at))) {
    return { marker: explicit.marker, content: '' };
  }
  return explicit ?? lastLine(text, kind);
}

/** The last box whose braces balance, in one pass over the text. */
function lastBox(text: string): PlacedAnswer | undefined {
  const opening = new Set<number>();
  for (const match of text.matchAll(BOX)) opening.add(match.index + match[0].length - 1);
  if (opening.size === 0) return undefined;
  const open: number[] = [];
  let best: { from: number; to: number } | undefined;
  for (const match of text.matchAll(/[{}]/g)) {
    if (match[0] === '{') open.push(match.index);
    else {
      const from = open.pop();
      if (from !== undefined && opening.has(from) && from > (best?.from ?? -1)) {
        best = { from, to: match.index };
      }
    }
  }
  return best && { marker: 'box', at: best.from, content: text.slice(best.from + 1, best.to).trim() };
}

/** The last "#### …", but for headings such as "#### Step 2" and "#### 2. Check". */
function lastHashes(text: string): PlacedAnswer | undefined {
  for (let end = text.length; end > 0;) {
    const at = text.lastIndexOf('####', end - 1);
    if (at < 0) return undefined;
    end = at;
    if (text[at + 4] === '#' || text[at - 1] === '#') continue;
    const content = lineFrom(text, at + 4).trim();
    const heading = /^(?:\d+[.)]\s+\p{L}|[\p{L}*])/u.test(content) && !/^[A-Za-z]$/.test(content);
    if (!heading) return { marker: 'hashes', at, content };
  }
  return undefined;
}

function lastPhrase(text: string, kind: 'number' | 'text'): PlacedAnswer | undefined {
  for (const match of [...text.matchAll(PHRASE)].reverse()) {
    if (NOT_FINAL.test(text.slice(Math.max(0, match.index - 40), match.index))) continue;
    const content = phraseContent(text, match.index + match[0].length);
    if (kind === 'text' ? content !== '' : /\d|[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]/.test(content)) {
      return { marker: 'phrase', at: match.index, content };
    }
  }
  return undefined;
}

/** What follows "the answer is", up to the end of the sentence or the reason given; from the next line if need be. */
function phraseContent(text: string, from: number): string {
  const following = text.slice(from, from + 2 * LONGEST_ANSWER);
  const opening = /^(?:[\s*_:"“]|\\\[|\\\(|\$\$)*/.exec(following)?.[0] ?? '';
  const content = lineFrom(following, opening.length).trim();
  // "- 18" on a line of its own is an item of a list or a negative number.
  if (opening.includes('\n') && /^[-+•]\s/.test(content)) return `? ${content}`;
  const reason = content.search(/,? \(?(?:because|since|which)\b/i);
  return firstSentence(reason < 0 ? content : content.slice(0, reason));
}

function firstSentence(text: string): string {
  const end = text.search(/(?<!\b(?:Rs|approx|St|Mr|Mrs|Dr))[.!](?=[\s*_"”]|$)/i);
  return end < 0 ? text : text.slice(0, end);
}

/** What the last line says in bold, or after its last "=". */
function lastLine(text: string, kind: 'number' | 'text'): StatedAnswer | undefined {
  const line = lastWrittenLine(text)?.replace(ANNOTATION, '');
  if (line === undefined) return undefined;
  if (
    /\b(?:or|if|not|when|whether|either|suppose|assume|let|wrong|incorrect|maybe|perhaps|might|could|cannot)\b|n['’]t\b|[≠≈]|[<>!~]=|\\neq?\b/i.test(
      line,
    )
  )
    return undefined;
  const bold = [...line.matchAll(/\*\*([^*]+)\*\*/g)].filter(
    (match) => kind === 'text' || /\d/.test(match[1] ?? ''),
  );
  const last = bold.at(-1);
  if (last !== undefined && !/\d/.test(line.slice(last.index + last[0].length))) {
    const contents = new Set(bold.map((match) => (match[1] ?? '').trim()));
    return { marker: 'bold', content: contents.size === 1 ? ([...contents][0] ?? '') : '' };
  }
  if (kind === 'text') return undefined;
  const [before = '', after] = line.split('=').slice(-2);
  if (after === undefined || (line.split('=').length > 2 && /[,;]\s|\band\b/i.test(before))) return undefined;
  const content = after.trim();
  const sentence = firstSentence(content);
  // A second sentence might take the first one back.
  if (/[\p{L}\d]/u.test(content.slice(sentence.length))) return undefined;
  return { marker: 'equation', content: sentence };
}

/** The last line that holds more than delimiters; undefined when it is too long to be searched, or there is none. */
function lastWrittenLine(text: string): string | undefined {
  for (let end = text.length; end > 0;) {
    const begin = text.lastIndexOf('\n', end - 1) + 1;
    if (end - begin > 4 * LONGEST_ANSWER) return undefined;
    const line = text.slice(begin, end).trim();
    if (!/^(?:\\[\])]|\$\$|[`\s-])*$/.test(line)) return line;
    end = begin - 1;
  }
  return undefined;
}

/** The rest of a line, cut where it is longer than any answer, so that many markers on a long line stay cheap. */
function lineFrom(text: string, from: number): string {
  const line = text.slice(from, from + 2 * LONGEST_ANSWER);
  const end = line.indexOf('\n');
  return end < 0 ? line : line.slice(0, end);
}
