import { describe, expect, it } from 'vitest';
import { probeDevice, requireDevice } from './devices.ts';
import { DEFAULT_HARDWARE, hardwareKey, readHardware } from './hardware.ts';

describe('the hardware settings', () => {
  it('are the CPU and float32 unless the environment says otherwise', () => {
    expect(readHardware({ OVERTONE_DEVICE: '' })).toEqual(DEFAULT_HARDWARE);
    expect(readHardware({ OVERTONE_DEVICE: 'webgpu', OVERTONE_PRECISION: 'float16' })).toEqual({
      device: 'webgpu',
      precision: 'float16',
    });
  });

  it('name what is wrong', () => {
    expect(() => readHardware({ OVERTONE_DEVICE: 'gpu' })).toThrow(
      'OVERTONE_DEVICE: expected "cpu" or "cuda" or "webgpu", got "gpu"',
    );
    expect(() => readHardware({ OVERTONE_PRECISION: 'bf16' })).toThrow(/^OVERTONE_PRECISION: expected/);
  });

  it('add nothing to the keys of results where they are the defaults', () => {
    expect(hardwareKey(DEFAULT_HARDWARE)).toBeUndefined();
    expect(hardwareKey({ device: 'cpu', precision: 'float16' })).toBe('cpu/float16');
  });
});

describe('a device', () => {
  it('is tried for real: the CPU works', async () => {
    expect(await probeDevice('cpu')).toMatchObject({ works: true, bundled: true, remedy: undefined });
    await requireDevice('cpu');
  });

  it('that is not there is refused with one line: why, and what would help', async () => {
    const { works, reason, remedy } = await probeDevice('cuda');
    if (works) return;
    expect(reason).toMatch(/libonnxruntime_providers_cuda|NVIDIA|CUDA|is missing/);
    await expect(requireDevice('cuda')).rejects.toThrow(
      `OVERTONE_DEVICE: cuda is not available: ${reason}. It needs: ${remedy}`,
    );
    expect(`${reason}${remedy}`).not.toContain('\n');
  });
});
