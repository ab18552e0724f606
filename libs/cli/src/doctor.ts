// `overtone doctor`: what the engine can run on here, why not on the rest, and what would change that.
import { execFile } from 'node:child_process';
import { constants, statfsSync, accessSync, existsSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hubSettings } from '@overtone/language-model/hub-settings';
import { DEVICES, EAGER_PACKAGES, type NativePart, probeDevice, probeEager } from '@overtone/tensor/devices';

/** A folder that is written to, and how much fits. */
interface Place {
  readonly path: string;
  readonly freeBytes: number | undefined;
  readonly writable: boolean;
}

/** What the doctor finds. */
export interface Diagnosis {
  /** Whether the default, the CPU, works. */
  readonly healthy: boolean;
  readonly node: {
    readonly version: string;
    readonly path: string;
    readonly found: string;
    readonly host?: string;
  };
  readonly processor: {
    readonly model: string;
    readonly cores: number;
    readonly memoryBytes: number;
    /** Vector instructions that ONNX Runtime has kernels for; undefined where the system does not tell. */
    readonly instructions?: readonly string[];
  };
  readonly onnxruntime: string | undefined;
  readonly devices: readonly NativePart[];
  readonly eager: readonly NativePart[];
  readonly runs: Place;
  readonly hub: Place & { readonly endpoint: string; readonly offline: boolean; readonly token: boolean };
}

const INSTRUCTIONS = {
  avx2: 'AVX2',
  avx512f: 'AVX-512',
  avx512_vnni: 'AVX-512 VNNI',
  amx_tile: 'AMX',
  asimd: 'NEON',
};

/** The file system's word on the nearest folder that exists. */
function placeOf(path: string): Place {
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  try {
    accessSync(existing, constants.W_OK);
  } catch {
    return { path, freeBytes: undefined, writable: false };
  }
  const { bavail, bsize } = statfsSync(existing);
  return { path, freeBytes: bavail * bsize, writable: true };
}

function instructions(): readonly string[] | undefined {
  try {
    const line = /^(?:flags|Features)\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
    const flags = new Set(line?.split(' '));
    return Object.entries(INSTRUCTIONS).flatMap(([flag, name]) => (flags.has(flag) ? [name] : []));
  } catch {
    return undefined;
  }
}

/** The version of the Node that a shell would find. */
function hostNode(): Promise<string | undefined> {
  const paths = (process.env.PATH ?? '').split(':').filter((path) => !path.includes('node_modules'));
  return new Promise((resolve) => {
    const env = { ...process.env, PATH: paths.join(':') };
    execFile('/usr/bin/env', ['node', '--version'], { timeout: 2_000, env }, (error, stdout) =>
      resolve(error ? undefined : stdout.trim()),
    );
  });
}

/** Examines this machine. Native parts are tried in processes of their own. */
export async function diagnose(signal?: AbortSignal): Promise<Diagnosis> {
  const [host, devices, eager] = await Promise.all([
    hostNode(),
    Promise.all(DEVICES.map((device) => probeDevice(device, signal))),
    Promise.all(EAGER_PACKAGES.map((name) => probeEager(name, signal))),
  ]);
  const settings = hubSettings(process.env);
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const own = process.execPath.startsWith(join(root, 'node_modules'));
  const known = instructions();
  return {
    healthy: devices.some(({ name, works }) => name === 'cpu' && works),
    node: {
      version: process.version,
      path: process.execPath,
      found: own ? "installed with this project's packages" : "the host's",
      ...(host === undefined ? {} : { host }),
    },
    processor: {
      model: cpus()[0]?.model.trim() ?? `${platform()} on ${arch()}`,
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      ...(known === undefined ? {} : { instructions: known }),
    },
    onnxruntime: devices.find(({ version }) => version !== undefined)?.version,
    devices,
    eager,
    runs: placeOf(process.cwd()),
    hub: {
      ...placeOf(settings.cache),
      endpoint: settings.endpoint,
      offline: settings.offline,
      token: settings.token !== undefined,
    },
  };
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB`;

const describePlace = ({ path, freeBytes, writable }: Place): string =>
  `${path}, ${writable && freeBytes !== undefined ? `${gigabytes(freeBytes)} free` : 'not writable'}`;

/** What a part says of itself: the first line is its state, the second, where there is one, what would make it work. */
function describePart({ name, works, version, reason, remedy }: NativePart): [string, string][] {
  const lines: [string, string][] = [];
  if (works)
    lines.push([
      name,
      reason === undefined ? `works${version ? ` (${version})` : ''}` : `works, but ${reason}`,
    ]);
  else lines.push([name, `no: ${reason ?? 'it does not start'}`]);
  if (remedy !== undefined) lines.push(['', `→ ${remedy}`]);
  return lines;
}

/** The diagnosis as a table for people. */
export function renderDiagnosis(diagnosis: Diagnosis): string {
  const { node, processor, onnxruntime, devices, eager, runs, hub } = diagnosis;
  const host = node.host === undefined || node.host === node.version ? '' : `; the host's is ${node.host}`;
  const withoutVersion = (part: NativePart): NativePart => ({ ...part, version: undefined });
  const rows: [string, string][] = [
    ['node', `${node.version}, ${node.found}${host}`],
    [
      'processor',
      `${processor.model}, ${processor.cores} cores, ${gigabytes(processor.memoryBytes)}` +
        (processor.instructions === undefined ? '' : `; ${processor.instructions.join(', ') || 'no AVX2'}`),
    ],
    ['onnxruntime', onnxruntime ?? 'does not load'],
    ...devices.flatMap((part) => describePart(withoutVersion(part))).map(indented),
    ['eager', 'TensorFlow.js on libtensorflow; optional, nothing of a run needs it'],
    ...eager
      .flatMap((part) => describePart({ ...part, name: part.name.replace('@tensorflow/', '') }))
      .map(indented),
    ['runs', describePlace(runs)],
    [
      'models',
      `${describePlace(hub)}; ${hub.offline ? 'offline: this cache alone is used' : `from ${hub.endpoint}`}`,
    ],
    ['HF_TOKEN', hub.token ? 'set' : 'not set: gated and private models cannot be fetched'],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const table = rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`.trimEnd());
  const [cpu] = devices.filter(({ name }) => name === 'cpu');
  const verdict = diagnosis.healthy
    ? `Everything works on the CPU${others(devices)}.`
    : `The CPU does not work, and everything needs it: ${cpu?.reason ?? 'it was not tried'}.`;
  return `${table.join('\n')}\n\n${verdict}\n`;
}

function others(devices: readonly NativePart[]): string {
  const working = devices.filter(({ name, works }) => works && name !== 'cpu').map(({ name }) => name);
  return working.length === 0 ? '' : `, and on ${working.join(' and ')}: engine: { device: ${working[0]} }`;
}

const indented = ([name, text]: [string, string]): [string, string] => [name === '' ? '' : `  ${name}`, text];

/** `overtone doctor`: prints the diagnosis. @returns the exit code: 0 when the default works, 2 otherwise. */
export async function doctorCommand(json: boolean, signal: AbortSignal): Promise<0 | 2> {
  const diagnosis = await diagnose(signal);
  process.stdout.write(json ? `${JSON.stringify(diagnosis, null, 2)}\n` : renderDiagnosis(diagnosis));
  return diagnosis.healthy ? 0 : 2;
}
