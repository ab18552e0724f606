// What engine threads compute, as spans below the call that it is for, and as metrics. The threads report; spans are made here, where the
// trace is.
import { type EngineWork, type WorkListener } from '@overtone/sampling';
import { count, recordValue, setGauge, WorkSpans } from '@overtone/telemetry';

const SPANS = {
  prefill: 'overtone.engine.prefill',
  decode: 'overtone.engine.decode',
  score: 'overtone.engine.score',
} as const;

/** The engine's work on one call. */
export class EngineTelemetry {
  readonly #spans = new WorkSpans();

  /** Hears of work. */
  readonly onWork: WorkListener = (work: EngineWork) => {
    const { phase, start, end, busy, runs, tokens, used, places, cacheUse } = work;
    const attributes = { 'overtone.engine.phase': phase };
    count('overtone.engine.tokens', tokens, attributes);
    count('overtone.engine.busy_time', busy / 1000, attributes);
    recordValue('overtone.engine.batch.fill', used / places, attributes);
    if (cacheUse !== undefined) setGauge('overtone.engine.cache.use', cacheUse);
    this.#spans.add(SPANS[phase], {
      start,
      end,
      busy,
      pieces: runs,
      sums: {
        'overtone.token.count': tokens,
        'overtone.engine.slots.used': used,
        'overtone.engine.slots.count': places,
      },
    });
  };

  /** The call has ended. */
  close(): void {
    this.#spans.close();
  }
}
