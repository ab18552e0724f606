// How those compared are started, and what to do when one cannot be.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { type Hardware } from '@overtone/tensor';
import { Contestant, type ContestantSpec } from './contestant.ts';
import { cached, here } from './places.ts';
import { type Absence } from './results.ts';
import { type Peer } from './tasks.ts';

const INSTALL = 'run test/bench/install-peers.sh';

/** The Python that has the peers. */
const python = (): string => process.env['OVERTONE_BENCH_PYTHON'] ?? cached('bench-venv/bin/python');

/** Overtone itself. */
export function overtone(
  folder: string,
  threads: number,
  precision: Hardware['precision'] = 'float32',
): ContestantSpec {
  return {
    name: precision === 'float32' ? 'overtone' : `overtone ${precision}`,
    command: [process.execPath, here('ours/worker.ts'), folder, String(threads), precision],
  };
}

/** The model folder as GGUF, written when it is first needed. */
async function ggufOf(folder: string, shape: string, precision: string): Promise<string> {
  const path = cached(`bench/${shape}.${precision}.gguf`);
  if (existsSync(path)) return path;
  await mkdir(cached('bench'), { recursive: true });
  execFileSync(python(), [here('peers/to_gguf.py'), folder, `${path}.partial`, precision], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await rename(`${path}.partial`, path);
  return path;
}

async function specOf(
  peer: Peer,
  folder: string,
  shape: string,
  threads: number,
): Promise<ContestantSpec | string> {
  const [library = '', precision = ''] = peer.split(' ');
  if (!existsSync(python()))
    return `no Python at ${python()}: ${INSTALL}, or name one in OVERTONE_BENCH_PYTHON`;
  if (library === 'transformers') {
    return {
      name: peer,
      command: [python(), here('peers/torch_peer.py'), folder, String(threads), precision],
      // Before PyTorch is loaded, for every library beneath it.
      environment: { OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) },
    };
  }
  const installed = cached('bench-llama');
  if (!existsSync(`${installed}/node_modules/node-llama-cpp`)) return `it is not installed: ${INSTALL}`;
  return {
    name: peer,
    command: [
      process.execPath,
      here('peers/llama_peer.mjs'),
      installed,
      await ggufOf(folder, shape, precision),
      String(threads),
    ],
  };
}

/** Starts a peer, or says why it cannot take part. */
export async function startPeer(
  peer: Peer,
  folder: string,
  shape: string,
  threads: number,
): Promise<Contestant | Absence> {
  try {
    const spec = await specOf(peer, folder, shape, threads);
    if (typeof spec === 'string') return { name: peer, reason: spec };
    return await Contestant.start(spec);
  } catch (error) {
    return { name: peer, reason: error instanceof Error ? error.message : String(error) };
  }
}
