import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crc32c, EventFile, headerFrame, stepFrame } from './event-file.ts';

/** Read back by TensorBoard 2.21's EventFileLoader as steps 1 and 300 with these values, and by its EventAccumulator as scalars. */
const GOLDEN =
  'GAAAAAAAAACjf0siCQAAIED8VNlBGg1icmFpbi5FdmVudDoyKzUxEEQAAAAAAAAAQ1kumgkAAFBA/FTZQRABKjcKCwoEbG9zcxVzaDE/ChYKD3Jld2FyZHMvbWFyZ2lucxUAAAC+ChAKCWdyYWRfbm9ybRV3zCsyZpK0wDEAAAAAAAAAnYOD6QkAAIBA/FTZQRCsAiojCgsKBGxvc3MVAAAAPwoUCg1sZWFybmluZ19yYXRlFazFpzfXqKm3';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-events-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('an event file', () => {
  it('has the bytes that TensorBoard reads', () => {
    const bytes = Buffer.concat([
      headerFrame(1_700_000_000.5),
      stepFrame(1_700_000_001.25, 1, { loss: 0.693, 'rewards/margins': -0.125, grad_norm: 1e-8 }),
      stepFrame(1_700_000_002, 300, { loss: 0.5, learning_rate: 2e-5 }),
    ]);
    expect(bytes.toString('base64')).toBe(GOLDEN);
  });

  it('is guarded by CRC-32C: the check value of RFC 3720', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  });

  it('continues after a step: later steps and a frame that is not whole are cut off', async () => {
    const path = join(folder, 'events');
    const file = new EventFile(path);
    await file.continueAfter(0);
    for (const step of [1, 2, 200]) await file.append(step, { loss: step });
    const whole = await readFile(path);
    await file.append(201, { loss: 1 });
    await appendFile(path, Buffer.from([9, 0, 0]));
    await file.continueAfter(200);
    expect(await readFile(path)).toEqual(whole);
    await file.continueAfter(2);
    expect((await readFile(path)).length).toBeLessThan(whole.length);
    await file.append(3, { loss: 3 });
    await appendFile(path, Buffer.alloc(20, 255));
    await file.continueAfter(3);
    await file.continueAfter(0);
    expect((await readFile(path)).length).toBe(headerFrame(0).length);
  });
});
