// `overtone run --watch`: the whole run on one screen, while it runs. Stages, the training at hand with its loss, what arms have come to so
// far, the latest messages. The screen is left as it was; what is said there is said again below.
import { formatDifference, formatSeconds, formatShare } from '@overtone/report';
import type { MeasuredSplit, ProgressEvent, StageProgress, TrainedStep } from '@overtone/experiment';
import { describe, type ProgressView, type Screen, stageBar, truncate } from './progress-view.ts';

/** What is watched. */
export interface Watched {
  /** The experiment. */
  readonly name: string;
  /** Where the run is. */
  readonly folder: string;
}

/** A screen with a height. */
export interface TallScreen extends Screen {
  readonly rows?: number | undefined;
}

const REDRAW_MS = 250;
const MESSAGES = 6;
const SPARKS = '▁▂▃▄▅▆▇█';
/** Steps in the line of losses. */
const LOSSES = 40;

/** Draws on the terminal's other screen until it is closed. */
export function watchView(
  screen: TallScreen,
  watched: Watched,
  now: () => number = () => performance.now(),
): ProgressView {
  const began = now();
  const state = new WatchedRun(watched, () => (now() - began) / 1000);
  const draw = (): void => {
    const columns = (screen.columns ?? 80) - 1;
    const lines = state.lines().map((line) => truncate(line, columns));
    // Each line to its end, then everything below: nothing flickers.
    const shown = lines.slice(0, (screen.rows ?? 24) - 1);
    screen.write(`\x1b[H${shown.map((line) => `${line}\x1b[K\n`).join('')}\x1b[0J`);
  };
  // Cursor hidden, other screen.
  screen.write('\x1b[?1049h\x1b[?25l');
  draw();
  const timer = setInterval(draw, REDRAW_MS).unref();
  let open = true;
  return {
    listen: (event) => state.hear(event),
    close: () => {
      if (!open) return;
      open = false;
      clearInterval(timer);
      screen.write('\x1b[?25h\x1b[?1049l');
      screen.write(state.messages.map(({ text }) => `${text}\n`).join(''));
    },
  };
}

/** What has been heard of a run. */
export class WatchedRun {
  readonly messages: { readonly text: string; readonly alarm: boolean }[] = [];
  readonly #watched: Watched;
  readonly #elapsed: () => number;
  readonly #stages = new Map<string, StageProgress>();
  readonly #measured = new Map<string, MeasuredSplit>();
  #training: TrainedStep | undefined;
  #losses: number[] = [];

  /** `elapsed`: seconds since the beginning. */
  constructor(watched: Watched, elapsed: () => number) {
    this.#watched = watched;
    this.#elapsed = elapsed;
  }

  hear(event: ProgressEvent): void {
    switch (event.kind) {
      case 'stage':
        this.#stages.set(event.progress.stage, event.progress);
        break;
      case 'message':
        this.messages.push({ text: event.text, alarm: event.alarm === true });
        break;
      case 'step': {
        const { step } = event;
        const loss = step.values['loss'];
        if (step.job !== this.#training?.job || step.step < this.#training.step) this.#losses = [];
        this.#training = step;
        if (typeof loss === 'number') this.#losses = [...this.#losses, loss].slice(-LOSSES);
        break;
      }
      case 'measured': {
        const { arm, seed, split } = event.measured;
        if (split !== 'development') this.#measured.set(`${arm} ${seed} ${split}`, event.measured);
        break;
      }
    }
  }

  /** The screen's lines. */
  lines(): string[] {
    const { name, folder } = this.#watched;
    return [
      `${name} · ${folder} · ${formatSeconds(Math.round(this.#elapsed())).replace('.0', '')}`,
      '',
      ...[...this.#stages.values()].map(stageLine),
      ...this.#trainingLines(),
      ...this.#armLines(),
      ...this.#messageLines(),
      '',
      'Ctrl-C stops the run; the same command continues it.',
    ];
  }

  #trainingLines(): string[] {
    if (this.#training === undefined) return [];
    const { job, step, steps, values } = this.#training;
    const loss = values['loss'];
    const text = typeof loss === 'number' ? `, loss ${loss.toPrecision(3)}` : '';
    return [
      '',
      `training ${job}: step ${step}${steps > 0 ? ` of ${steps}` : ''}${text}`,
      sparkline(this.#losses),
    ];
  }

  #armLines(): string[] {
    const all = [...this.#measured.values()];
    if (all.length === 0) return [];
    const meanOf = (arm: string, split: string): number | undefined => {
      const own = all.filter((one) => one.arm === arm && one.split === split);
      return own.length === 0 ? undefined : own.reduce((sum, { accuracy }) => sum + accuracy, 0) / own.length;
    };
    const share = (value: number | undefined): string => (value === undefined ? '–' : formatShare(value));
    const base = meanOf('base', 'hard');
    const names = [...new Set(all.map(({ arm }) => arm))];
    const width = Math.max(4, ...names.map((arm) => arm.length));
    const rows = names.map((arm) => {
      const hard = meanOf(arm, 'hard');
      const gain =
        arm === 'base' || hard === undefined || base === undefined ? '' : formatDifference(hard - base);
      const seeds = all.filter((one) => one.arm === arm && one.split === 'hard' && one.seed !== null).length;
      return `${arm.padEnd(width)}  ${share(meanOf(arm, 'easy')).padStart(5)}  ${share(hard).padStart(5)}  ${gain.padStart(6)}  ${seeds === 0 ? '' : seeds}`.trimEnd();
    });
    return ['', `${'so far'.padEnd(width)}   easy   hard  − base  seeds`, ...rows];
  }

  #messageLines(): string[] {
    const latest = this.messages.slice(-MESSAGES);
    return latest.length === 0 ? [] : ['', ...latest.map(({ text, alarm }) => `${alarm ? '! ' : ''}${text}`)];
  }
}

function stageLine(stage: StageProgress): string {
  if (stage.total === 0 && !stage.active) return `${stage.stage.padEnd(9)} ${'─'.repeat(20)}`;
  if (stage.total === 0) return `${stage.stage.padEnd(9)} ${'─'.repeat(20)} at work`;
  return `${stage.stage.padEnd(9)} ${stageBar(stage)} ${describe(stage)}${stage.active && stage.detail !== '' ? `  ${stage.detail}` : ''}`;
}

/** Numbers as a line of bars, the smallest lowest. */
export function sparkline(values: readonly number[]): string {
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  return values
    .map((value) => SPARKS[span === 0 ? 0 : Math.round(((value - low) / span) * (SPARKS.length - 1))] ?? '')
    .join('');
}
