import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Diagnosis, renderDiagnosis } from './doctor.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

function doctor(environment: Record<string, string>, ...flags: string[]): Promise<[number | string, string]> {
  const env = { ...process.env, ...environment };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'doctor', ...flags], { env }, (error, stdout) =>
      resolve([error?.code ?? 0, stdout]),
    );
  });
}

const part = { bundled: true, version: '1.0.0', reason: undefined, remedy: undefined };
const sick: Diagnosis = {
  healthy: false,
  node: { version: 'v24.0.0', path: '/node', found: "the host's" },
  processor: { model: 'A processor', cores: 2, memoryBytes: 8e9, instructions: [] },
  onnxruntime: undefined,
  devices: [
    { ...part, name: 'cpu', works: false, reason: 'libonnxruntime.so.1 is missing', remedy: 'npm ci' },
    { ...part, name: 'cuda', works: true },
  ],
  eager: [
    { ...part, name: '@tensorflow/tfjs-node', works: false, reason: 'not installed', remedy: 'npm install' },
  ],
  runs: { path: '/runs', freeBytes: 5e9, writable: true },
  hub: {
    path: '/hub',
    freeBytes: undefined,
    writable: false,
    endpoint: 'https://hub',
    offline: true,
    token: false,
  },
};

describe('overtone doctor', () => {
  it('runs a program on every device, and says why the others do not work and what would help', async () => {
    const [code, stdout] = await doctor(
      { HF_TOKEN: 'hf_verysecret', HF_HUB_CACHE: '/nowhere/hub' },
      '--json',
    );
    const found = JSON.parse(stdout) as Diagnosis;
    expect([code, found.healthy]).toEqual([0, true]);
    expect(found.devices.map(({ name }) => name)).toEqual(['cpu', 'cuda', 'webgpu']);
    for (const { works, reason, remedy } of [...found.devices, ...found.eager])
      if (!works) expect([reason, remedy].every((text) => text)).toBe(true);
    expect(found.hub).toMatchObject({ path: '/nowhere/hub', token: true });
    expect(stdout).not.toContain('verysecret');
  });

  it('prints a table', async () => {
    const [code, stdout] = await doctor({ HF_TOKEN: 'hf_verysecret' });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}cpu +works$/m);
    expect(stdout).toMatch(/^HF_TOKEN +set$/m);
    expect(stdout).toContain('Everything works on the CPU');
    expect(stdout).not.toContain('verysecret');
  });

  it('says what is wrong with the CPU first of all', () => {
    const text = renderDiagnosis(sick);
    expect(text).toMatch(/cpu +no: libonnxruntime\.so\.1 is missing\n +→ npm ci$/m);
    expect(text).toMatch(/cuda +works$/m);
    expect(text).toMatch(/models +\/hub, not writable; offline/);
    expect(text).toContain('The CPU does not work, and everything needs it: libonnxruntime.so.1 is missing.');
  });
});
