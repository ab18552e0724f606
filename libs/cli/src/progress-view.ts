// What a person sees of a run's progress: bars on a terminal, plain lines elsewhere. Always on standard error, so that
// standard output holds results alone.
import { formatSeconds } from '@overtone/report';
import type { ProgressListener, StageProgress } from '@overtone/experiment';

/** Where to draw: standard error, as a rule. */
export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** A listener and its end. */
export interface ProgressView {
  readonly listen: ProgressListener;
  /** Draws the last state and leaves the screen to others. */
  close(): void;
}

/** Bars on a terminal, plain lines elsewhere. */
export function progressView(screen: Screen, now: () => number = () => performance.now()): ProgressView {
  return screen.isTTY === true ? barView(screen, now) : lineView(screen, now);
}

const REDRAW_MS = 100;
const LINE_MS = 10_000;
const BAR = 20;

function barView(screen: Screen, now: () => number): ProgressView {
  const stages = new Map<string, StageProgress>();
  let drawn = 0;
  let last = -Infinity;
  const erase = (): void => {
    if (drawn > 0) screen.write(`\x1b[${drawn}A\x1b[0J`);
    drawn = 0;
  };
  const draw = (): void => {
    erase();
    const lines = [...stages.values()]
      .filter((stage) => stage.total > 0 && (stage.active || stage.done > 0))
      .map((stage) => truncate(bar(stage), (screen.columns ?? 80) - 1));
    if (lines.length > 0) screen.write(`${lines.join('\n')}\n`);
    drawn = lines.length;
    last = now();
  };
  return {
    listen: (event) => {
      if (event.kind === 'message') {
        erase();
        screen.write(`${event.text}\n`);
        draw();
        return;
      }
      if (event.kind !== 'stage') return;
      stages.set(event.progress.stage, event.progress);
      if (now() - last >= REDRAW_MS) draw();
    },
    close: () => {
      draw();
      drawn = 0;
    },
  };
}

/** "━━━━━──────": how much of a stage is done. */
export function stageBar({ done, total }: StageProgress): string {
  const filled = Math.round((total === 0 ? 0 : done / total) * BAR);
  return `${'━'.repeat(filled)}${'─'.repeat(BAR - filled)}`;
}

function bar(stage: StageProgress): string {
  const detail = stage.active && stage.detail !== '' ? `  ${stage.detail}` : '';
  return `${stage.stage.padEnd(9)} ${stageBar(stage)} ${describe(stage)}${detail}`;
}

function lineView(screen: Screen, now: () => number): ProgressView {
  const last = new Map<string, { at: number; done: number }>();
  return {
    listen: (event) => {
      if (event.kind === 'message') {
        screen.write(`${event.text}\n`);
        return;
      }
      if (event.kind !== 'stage') return;
      const { progress } = event;
      if (progress.total === 0 || (!progress.active && progress.done < progress.total)) return;
      const before = last.get(progress.stage);
      if (before?.done === progress.done) return;
      // How many services there will be is known only as they are started; who is refused meanwhile is told one line, and no more.
      const isStart = progress.stage === 'start';
      if (isStart && before === undefined) {
        last.set(progress.stage, { at: now(), done: progress.done });
        return;
      }
      const complete = !isStart && progress.done >= progress.total;
      if (!complete && before !== undefined && now() - before.at < LINE_MS) return;
      last.set(progress.stage, { at: now(), done: progress.done });
      screen.write(`${progress.stage}: ${describe(progress)}\n`);
    },
    close: () => {},
  };
}

/** "10/40 steps, 5.0/s, 6 s left". */
export function describe({
  done,
  total,
  unit,
  rate,
  remaining,
  reused,
  active,
  note,
}: StageProgress): string {
  const parts = [`${done}/${total} ${unit}`];
  if (rate !== undefined && active) parts.push(`${rate >= 10 ? Math.round(rate) : rate.toFixed(1)}/s`);
  if (remaining !== undefined && active && done < total)
    parts.push(`${formatSeconds(Math.round(remaining)).replace('.0', '')} left`);
  if (reused > 0) parts.push(reused === done ? 'from an earlier run' : `${reused} from an earlier run`);
  if (note !== '' && active) parts.push(note);
  return parts.join(', ');
}

/** A line that fits, with a sign where it was cut. */
export function truncate(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`;
}
