// What a run of the benchmark measured: plain data, as it is written to a file.
import { type Machine } from './machine.ts';

/** One of those compared, in one case. */
export interface Contender {
  /** "overtone", with its precision where that is not float32, or the peer's name with its precision. */
  readonly name: string;
  /** Seconds of the first call, before any measured one: compiling, allocating, reading weights for the first time. */
  readonly firstSeconds: number;
  /** Seconds of each round. */
  readonly seconds: readonly number[];
  /** Highest resident memory of its process so far, model and program included. */
  readonly peakBytes: number;
  /** Multiply-accumulates of matrix products in a round, counted; ours alone. */
  readonly macs?: number;
}

/** A case with everyone who took part; ours comes first. */
export interface Measurement {
  readonly shape: string;
  readonly task: string;
  readonly name: string;
  /** What the peer does in the case, and anything in which it differs from ours. */
  readonly note: string;
  /** Units of work in a round. */
  readonly amount: number;
  readonly unit: 'tokens' | 'questions' | 'steps';
  readonly contenders: readonly Contender[];
}

/** Someone who could not take part. */
export interface Absence {
  readonly name: string;
  readonly reason: string;
}

/** What the machine can do at most, with the threads of the run. */
export interface Peaks {
  /** Of a large float32 matrix product, multiply-accumulates a second. */
  readonly macsPerSecond: number;
  /** Of weights read by a product with one row, bytes a second. */
  readonly bytesPerSecond: number;
}

/** A whole run. */
export interface Results {
  readonly date: string;
  /** The commit, with "+" when files differed from it. */
  readonly commit: string;
  readonly machine: Machine;
  readonly threads: number;
  readonly rounds: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly peaks: Peaks | undefined;
  readonly measurements: readonly Measurement[];
  readonly absent: readonly Absence[];
}
