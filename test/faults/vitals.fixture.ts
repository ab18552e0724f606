// Loaded before a service: writes down, every ten seconds, what the process uses, after its garbage was collected. Needs --expose-gc, and
// the file's name in OVERTONE_VITALS.
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';

/** What a process uses at a moment. */
export interface Vitals {
  /** Seconds since it started. */
  readonly at: number;
  /** Resident memory, MiB. */
  readonly rss: number;
  /** What is alive on the JavaScript heap, MiB. */
  readonly heap: number;
  /** What buffers hold outside of it, MiB. */
  readonly buffers: number;
  /** Open files and sockets. */
  readonly files: number;
  readonly threads: number;
  /** What keeps the event loop alive: timers, sockets, pending requests. */
  readonly handles: number;
}

const MIB = 2 ** 20;
const EVERY_MS = 10_000;

function read(): Vitals {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const [, threads = '0'] = /^Threads:\s+(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return {
    at: process.uptime(),
    rss: rss / MIB,
    heap: heapUsed / MIB,
    buffers: external / MIB,
    files: readdirSync('/proc/self/fd').length,
    threads: Number(threads),
    handles: process.getActiveResourcesInfo().length,
  };
}

const { OVERTONE_VITALS: file } = process.env;
if (file !== undefined && file !== '')
  setInterval(() => appendFileSync(file, `${JSON.stringify(read())}\n`), EVERY_MS).unref();
