// ONNX Runtime's C API, in the library that onnxruntime-node ships: what its binding does not offer, that is weights which all
// sessions of a process share in the layout of their kernels, and results written where the caller wants them.
// The one place where functions without types are called. Places in the table of functions never change (onnxruntime_c_api.h).
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import koffi from 'koffi';

/** An address in this process; 0 is nothing. */
export type Address = bigint;

/** The version of the table of functions that is asked for; later libraries have it too. */
const API_VERSION = 18;
const LOGGING_LEVEL_ERROR = 3;
/** Enough for the recursion of a session over a large graph. */
const STACK_BYTES = 8 * 2 ** 20;

const FUNCTIONS = {
  GetErrorMessage: [2, 'const char*', ['uintptr_t']],
  CreateEnv: [3, 'uintptr_t', ['int', 'const char*', 'void*']],
  Run: [9, 'uintptr_t', ['uintptr_t', 'uintptr_t', 'void*', 'void*', 'size_t', 'void*', 'size_t', 'void*']],
  CreateSessionOptions: [10, 'uintptr_t', ['void*']],
  EnableProfiling: [14, 'uintptr_t', ['uintptr_t', process.platform === 'win32' ? 'str16' : 'str']],
  DisableMemPattern: [17, 'uintptr_t', ['uintptr_t']],
  SetSessionGraphOptimizationLevel: [23, 'uintptr_t', ['uintptr_t', 'int']],
  SetIntraOpNumThreads: [24, 'uintptr_t', ['uintptr_t', 'int']],
  SetInterOpNumThreads: [25, 'uintptr_t', ['uintptr_t', 'int']],
  CreateTensorWithDataAsOrtValue: [
    49,
    'uintptr_t',
    ['uintptr_t', 'void*', 'size_t', 'void*', 'size_t', 'int', 'void*'],
  ],
  CreateCpuMemoryInfo: [69, 'uintptr_t', ['int', 'int', 'void*']],
  GetAllocatorWithDefaultOptions: [78, 'uintptr_t', ['void*']],
  ReleaseStatus: [93, 'void', ['uintptr_t']],
  ReleaseSession: [95, 'void', ['uintptr_t']],
  ReleaseValue: [96, 'void', ['uintptr_t']],
  ReleaseSessionOptions: [100, 'void', ['uintptr_t']],
  SessionEndProfiling: [110, 'uintptr_t', ['uintptr_t', 'uintptr_t', 'void*']],
  AddSessionConfigEntry: [130, 'uintptr_t', ['uintptr_t', 'str', 'str']],
  AddInitializer: [150, 'uintptr_t', ['uintptr_t', 'void*', 'uintptr_t']],
  CreatePrepackedWeightsContainer: [166, 'uintptr_t', ['void*']],
  ReleasePrepackedWeightsContainer: [167, 'void', ['uintptr_t']],
  CreateSessionFromArrayWithPrepackedWeightsContainer: [
    169,
    'uintptr_t',
    ['uintptr_t', 'void*', 'size_t', 'uintptr_t', 'uintptr_t', 'void*'],
  ],
} as const satisfies Record<string, readonly [place: number, result: string, parameters: readonly string[]]>;
type FunctionName = keyof typeof FUNCTIONS;

type Argument = Address | number | string | NodeJS.TypedArray;
type NativeFunction = (...args: Argument[]) => unknown;

function address(value: unknown): Address {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return BigInt(value);
  return 0n;
}

/** The loaded library. */
export class OrtLibrary {
  /** OrtEnv: one for the process, however often it is asked for. */
  readonly environment: Address;
  /** OrtMemoryInfo of the CPU. */
  readonly memory: Address;
  private readonly functions: Readonly<Record<FunctionName, NativeFunction>>;

  private constructor(functions: Readonly<Record<FunctionName, NativeFunction>>) {
    this.functions = functions;
    this.environment = this.make('CreateEnv', LOGGING_LEVEL_ERROR, 'overtone');
    this.memory = this.make('CreateCpuMemoryInfo', 1, 0);
  }

  /** Loads the library at a path. @throws {Error} when it is none, or older than this table. */
  static load(path: string): OrtLibrary {
    koffi.config({ ...koffi.config(), sync_stack_size: STACK_BYTES });
    const base: unknown = koffi.load(path).func('OrtGetApiBase', 'void*', [])();
    const getApi: unknown = koffi.decode(base, 'void*');
    const table: unknown = koffi.call(getApi, koffi.proto('void*', ['uint32_t']), API_VERSION);
    if (address(table) === 0n) throw new Error(`${path} has no version ${API_VERSION} of ONNX Runtime's API`);
    const last = Math.max(...Object.values(FUNCTIONS).map(([place]) => place));
    const places: unknown = koffi.decode(table, koffi.array('void*', last + 1));
    if (!Array.isArray(places)) throw new Error(`${path} has no table of functions`);
    const functions = Object.fromEntries(
      Object.entries(FUNCTIONS).map(([name, [place, result, parameters]]) => {
        const native: unknown = koffi.decode(places[place], koffi.proto(result, [...parameters]));
        if (typeof native !== 'function') throw new Error(`${path} has no function ${name}`);
        return [name, native];
      }),
    );
    return new OrtLibrary(functions as Record<FunctionName, NativeFunction>);
  }

  /** Calls a function that answers with a status. @throws {Error} with ONNX Runtime's message when it failed. */
  call(name: FunctionName, ...args: Argument[]): void {
    const status = address(this.functions[name](...args));
    if (status === 0n) return;
    const message = String(this.functions.GetErrorMessage(status));
    this.functions.ReleaseStatus(status);
    throw new Error(message);
  }

  /** Calls a function that answers with a status and makes something, which is its last parameter. */
  make(name: FunctionName, ...args: Argument[]): Address {
    const made = new BigUint64Array(1);
    this.call(name, ...args, made);
    return made[0] ?? 0n;
  }

  /** Calls a function that releases something. */
  release(
    name: 'ReleaseSession' | 'ReleaseValue' | 'ReleaseSessionOptions' | 'ReleasePrepackedWeightsContainer',
    made: Address,
  ): void {
    this.functions[name](made);
  }
}

const FILES: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
};

let loaded: OrtLibrary | undefined | null;

/** ONNX Runtime's library, or undefined where there is none for this platform. */
export function ortLibrary(): OrtLibrary | undefined {
  if (loaded === undefined) {
    const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
    const file = FILES[process.platform];
    const path = file && join(root, 'bin', 'napi-v6', process.platform, process.arch, file);
    loaded = path !== undefined && existsSync(path) ? OrtLibrary.load(path) : null;
  }
  return loaded ?? undefined;
}

/** A string as C has it. */
export const cString = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);

/** Where numbers lie; they must outlive what refers to them. */
export const addressOf = (numbers: NodeJS.TypedArray): Address => address(koffi.address(numbers));
