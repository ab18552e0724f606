// Which devices are there, why the others are not, and the command that would bring each. Loads nothing native itself.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eagerCommand, type EagerPackage, isInstalled } from './eager-packages.ts';
import { type Device } from './hardware.ts';

export { EAGER_PACKAGES, type EagerPackage } from './eager-packages.ts';
export { DEVICES, type Device } from './hardware.ts';

/** What the probing process says. */
export interface ProbeAnswer {
  readonly works: boolean;
  readonly version: string | undefined;
  readonly bundled: boolean;
  readonly reason: string | undefined;
}

/** A native part of the engine on this machine. */
export interface NativePart<Name extends string = string> {
  readonly name: Name;
  /** Whether it came with the installed packages. */
  readonly bundled: boolean;
  /** Whether a small program was run with it, and came out right. */
  readonly works: boolean;
  readonly version: string | undefined;
  /** Why it does not work, or what is amiss although it does. */
  readonly reason: string | undefined;
  /** What would make it work: a command where there is one. */
  readonly remedy: string | undefined;
}

/** Longest that a probe may take. */
const PROBE_MS = 30_000;

const require = createRequire(import.meta.url);

interface Outcome {
  readonly answer: ProbeAnswer;
  /** What its libraries wrote on standard error. */
  readonly noise: string;
}

/** Runs the probe in a process of its own. */
function probe(name: string, signal: AbortSignal | undefined): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [fileURLToPath(new URL('./probe.ts', import.meta.url)), name],
      { timeout: PROBE_MS, killSignal: 'SIGKILL', signal },
      (error, stdout, stderr) => {
        const line = stdout.split('\n').findLast((each) => each.startsWith('{'));
        if (line !== undefined) return resolve({ answer: JSON.parse(line) as ProbeAnswer, noise: stderr });
        if (signal?.aborted) return reject(signal.reason);
        const ended = error?.killed
          ? `gave no answer within ${PROBE_MS / 1000} s`
          : error?.signal
            ? `was ended by ${error.signal}`
            : `ended with ${error?.code ?? 'no answer'}`;
        const [last = ''] = stderr.trim().split('\n').slice(-1);
        const reason = `the process that tried it ${ended}${last === '' ? '' : `: ${last}`}`;
        resolve({ answer: { works: false, version: undefined, bundled: false, reason }, noise: stderr });
      },
    );
  });
}

const missingLibrary = (text: string): string | undefined =>
  /(lib[\w.+-]+\.so[.\d]*): cannot open shared object file/.exec(text)?.[1];

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

/** The folder of onnxruntime-node's libraries for this platform. */
function libraryFolder(): string {
  const binaries = join(dirname(require.resolve('onnxruntime-node/package.json')), 'bin');
  const [version = ''] = readdirSync(binaries).filter((name) => name.startsWith('napi-v'));
  return join(binaries, version, process.platform, process.arch);
}

/** What ONNX Runtime's own installer is told; scripts of packages do not run by themselves here. */
function cudaCommand(): string {
  const script = join(dirname(require.resolve('onnxruntime-node/package.json')), 'script', 'install.js');
  const near = relative(process.cwd(), script);
  return `node ${near.startsWith('..') ? script : near} --onnxruntime-node-install=cuda12`;
}

const DRIVER = 'a machine with an NVIDIA GPU and its driver (for a container: --gpus all)';
const CUDA = "CUDA 12 and cuDNN 9 on the loader's path, for example LD_LIBRARY_PATH=/usr/local/cuda/lib64";

/** Why CUDA is not there. */
function explainCuda({ answer, noise }: Outcome): { reason: string; remedy: string } {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return {
      reason: `onnxruntime-node has no CUDA libraries for ${process.platform} on ${process.arch}`,
      remedy: 'Linux on x86-64',
    };
  const reasons: string[] = [];
  const remedies: string[] = [];
  const provider = 'libonnxruntime_providers_cuda.so';
  if (!existsSync(join(libraryFolder(), provider))) {
    reasons.push(`${provider} is not installed`);
    remedies.push(cudaCommand());
  }
  // The second is what Windows gives to the Linux that it hosts.
  if (!readdirSync('/dev').some((name) => /^(?:nvidia\d+|dxg)$/.test(name))) {
    reasons.push('there is no NVIDIA device (/dev/nvidia0)');
    remedies.push(DRIVER);
  }
  if (reasons.length === 0) {
    const library = missingLibrary(noise);
    reasons.push(library ? `${library} is missing` : oneLine(answer.reason ?? 'it does not start'));
    remedies.push(CUDA);
  }
  return { reason: reasons.join(', and '), remedy: remedies.join(', and ') };
}

function explainWebgpu({ answer, noise }: Outcome): { reason: string; remedy: string } {
  const library = missingLibrary(noise);
  const device =
    'a GPU with a driver for Vulkan (Linux), Metal (macOS) or Direct3D 12 (Windows); software Vulkan is refused';
  if (library)
    return {
      reason: `there is no Vulkan loader (${library})`,
      remedy: `apt-get install libvulkan1, and ${device}`,
    };
  if (/No supported adapters/.test(answer.reason ?? ''))
    return { reason: 'there is no Vulkan, Metal or Direct3D 12 device', remedy: device };
  return { reason: oneLine(answer.reason ?? 'it does not start'), remedy: device };
}

function explainCpu({ answer, noise }: Outcome): { reason: string; remedy: string } {
  const library = missingLibrary(`${answer.reason ?? ''} ${noise}`);
  const reason = library ? `${library} is missing` : oneLine(answer.reason ?? 'it does not start');
  return { reason, remedy: 'npm ci, on Linux, macOS (Apple silicon) or Windows' };
}

const EXPLANATIONS = { cpu: explainCpu, cuda: explainCuda, webgpu: explainWebgpu };

/** Runs a small program on a device, in a process of its own, and says why it failed if it did. */
export async function probeDevice(device: Device, signal?: AbortSignal): Promise<NativePart<Device>> {
  const outcome = await probe(device, signal);
  const { answer } = outcome;
  const found = { name: device, works: answer.works, version: answer.version, bundled: answer.bundled };
  if (answer.works) return { ...found, reason: answer.reason, remedy: undefined };
  return { ...found, ...EXPLANATIONS[device](outcome) };
}

/**
 * Makes sure that a device can be used.
 *
 * @param setting What asked for it. Default: the environment variable.
 * @throws Error one line: why it cannot, and what would change that.
 */
export async function requireDevice(device: Device, setting = 'OVERTONE_DEVICE'): Promise<void> {
  // What everything runs on needs no process to try it.
  if (device === 'cpu') return;
  const { works, reason, remedy } = await probeDevice(device);
  if (!works) throw new Error(`${setting}: ${device} is not available: ${reason}. It needs: ${remedy}`);
}

/** Loads the eager backend from a package, in a process of its own, and computes with it. */
export async function probeEager(
  name: EagerPackage,
  signal?: AbortSignal,
): Promise<NativePart<EagerPackage>> {
  const remedy = eagerCommand(name);
  if (!isInstalled(name))
    return { name, bundled: false, works: false, version: undefined, reason: 'not installed', remedy };
  const { answer } = await probe(name, signal);
  const { works, version } = answer;
  if (works) return { name, bundled: true, works, version, reason: undefined, remedy: undefined };
  return {
    name,
    bundled: true,
    works,
    version,
    reason: oneLine(answer.reason ?? 'it does not load'),
    remedy,
  };
}
