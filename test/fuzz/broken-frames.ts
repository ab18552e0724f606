// Malformed calls below the level of messages: bytes that are changed, frames that lie about what is in them, headers that make no sense.
import { gzipSync } from 'node:zlib';
import { type Draw } from './draw.ts';

/** A call as it goes over the wire, and what a server must make of it. */
export interface MalformedCall {
  /** What is wrong with it, for the tally. */
  readonly kind: string;
  readonly path: string;
  /** Beyond the usual ones; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
  /** Do not end the request; cancel the call after so many milliseconds. */
  readonly cancelAfterMs?: number;
  /** The only answers that are right; absent: any that blames the caller, or OK where the request is good by accident. */
  readonly expected?: readonly string[];
}

/** A message in its frame. */
export function frame(message: Uint8Array, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** A copy with some bytes changed, left out or put in. */
export function spoilBytes(bytes: Uint8Array, draw: Draw): Buffer {
  let result: Buffer = Buffer.from(bytes);
  for (let left = 1 + draw.below(4); left > 0; left--) {
    const at = draw.below(result.length);
    const what = draw.below(6);
    if (what < 2 && result.length > 0) result[at] = (result[at] ?? 0) ^ (1 << draw.below(8));
    else if (what === 2) result = result.subarray(0, at);
    else if (what === 3) result = splice(result, at, draw.bytes(1 + draw.below(8)));
    else if (what === 4)
      result = Buffer.concat([result.subarray(0, at), result.subarray(at + 1 + draw.below(8))]);
    else result = splice(result, at, result.subarray(draw.below(result.length)));
  }
  return result;
}

function splice(bytes: Buffer, at: number, inserted: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
}

const MEBIBYTE = 2 ** 20;
/** A hundred mebibytes of zeros, which are a hundred kilobytes on the way. */
const bomb = (() => {
  let made: Buffer | undefined;
  return (): Buffer => (made ??= gzipSync(Buffer.alloc(100 * MEBIBYTE)));
})();

/** A frame that lies, or a stream of frames that no method takes. */
export function brokenFrame(path: string, message: Uint8Array, draw: Draw): MalformedCall {
  const whole = frame(message);
  switch (draw.below(12)) {
    case 0:
      return { kind: 'no message', path, body: Buffer.alloc(0) };
    case 1:
      return { kind: 'cut within the length', path, body: whole.subarray(0, draw.below(5)) };
    case 2: {
      const body = Buffer.from(whole);
      body.writeUInt32BE(message.length + 1 + draw.below(1000), 1);
      return { kind: 'longer than what follows', path, body };
    }
    case 3: {
      const body = Buffer.from(whole);
      body.writeUInt32BE(draw.pick([0x7fffffff, 0xffffffff, 65 * MEBIBYTE]), 1);
      return { kind: 'longer than allowed', path, body, expected: ['RESOURCE_EXHAUSTED'] };
    }
    case 4:
      return {
        kind: 'compressed without an encoding',
        path,
        body: frame(message, 1),
      };
    case 5:
      return {
        kind: 'unknown encoding',
        path,
        headers: { 'grpc-encoding': draw.pick(['br', 'zstd', 'snappy', '', '../gzip']) },
        body: frame(message, 1),
        expected: ['UNIMPLEMENTED', 'INVALID_ARGUMENT'],
      };
    case 6:
      return {
        kind: 'compressed and damaged',
        path,
        headers: { 'grpc-encoding': draw.pick(['gzip', 'deflate']) },
        body: frame(draw.bytes(20 + draw.below(200)), 1),
        expected: ['INVALID_ARGUMENT'],
      };
    case 7:
      if (!draw.chance(0.008)) return { kind: 'random bytes', path, body: draw.bytes(draw.below(300)) };
      return {
        kind: 'a bomb',
        path,
        headers: { 'grpc-encoding': 'gzip' },
        body: frame(bomb(), 1),
        expected: ['RESOURCE_EXHAUSTED'],
      };
    case 8:
      return {
        kind: 'wrong flag',
        path,
        body: Buffer.concat([Buffer.of(2 + draw.below(254)), whole.subarray(1)]),
      };
    case 9:
      return { kind: 'several messages', path, body: Buffer.concat([whole, whole, whole]) };
    case 10:
      return {
        kind: 'empty messages',
        path,
        body: Buffer.concat(Array.from({ length: 1 + draw.below(50) }, () => frame(Buffer.alloc(0)))),
      };
    default:
      return {
        kind: 'a message and garbage',
        path,
        body: Buffer.concat([whole, draw.bytes(1 + draw.below(100))]),
      };
  }
}

const NOT_GRPC = ['HTTP 415'] as const;

/** Headers that make no sense. */
export function brokenHeaders(path: string, message: Uint8Array, draw: Draw): MalformedCall {
  // Some of these are no reason to refuse a call by themselves.
  const body = frame(spoilBytes(message, draw));
  switch (draw.below(9)) {
    case 0:
      return {
        kind: 'content type',
        path,
        headers: { 'content-type': draw.pick(['text/plain', 'application/json', 'application/x', '']) },
        body,
        expected: NOT_GRPC,
      };
    case 1:
      return {
        kind: 'no content type',
        path,
        headers: { 'content-type': undefined },
        body,
        expected: NOT_GRPC,
      };
    case 2: {
      const unknown = draw.pick([
        '/',
        '//',
        '/overtone.v1.JudgeService/Nothing',
        '/overtone.v1.Nothing/Describe',
        path.toLowerCase(),
        `${path}/../Describe`,
        `${path}%00`,
        `${path}?x=1`,
        `/${'x'.repeat(3000)}`,
        '/\u00ff\u00fe',
        '/__proto__/constructor',
      ]);
      return { kind: 'unknown method', path: unknown, body, expected: ['UNIMPLEMENTED'] };
    }
    case 3:
      return {
        kind: 'deadline',
        path,
        headers: {
          'grpc-timeout': draw.pick(['', 'soon', '-1S', '1', '1.5S', '999999999S', '5x', '\u00ff']),
        },
        body,
      };
    case 4:
      return {
        kind: 'deadline that has passed',
        path,
        headers: { 'grpc-timeout': draw.pick(['0S', '0n', '1n', '1u', '99999999H']) },
        body,
      };
    case 5:
      return {
        kind: 'metadata',
        path,
        headers: {
          'x-bin': '*** no base64 ***',
          'x-trace-bin': ['%%%', '==='],
          traceparent: draw.pick([
            '',
            '00-zz-zz-01',
            '00-' + '0'.repeat(32) + '-' + '0'.repeat(16) + '-01',
            'x'.repeat(500),
          ]),
          baggage: draw.pick(['=;,;=', 'a=' + 'b'.repeat(9000)]),
          authorization: draw.pick(['', 'Bearer', 'Bearer ', 'Basic x', 'Bearer \u00e9']),
        },
        body,
      };
    case 6:
      return {
        kind: 'many headers',
        path,
        headers: Object.fromEntries(
          Array.from({ length: 100 }, (_, index) => [`x-${index}`, 'v'.repeat(100)]),
        ),
        body,
      };
    case 7:
      return {
        kind: 'method',
        path,
        headers: { ':method': draw.pick(['PUT', 'DELETE', 'PATCH', 'X']) },
        body,
      };
    default:
      return {
        kind: 'authority',
        path,
        headers: {
          ':authority': draw.pick(['', '..', 'evil.example', '127.0.0.1:1', '[::1', 'a'.repeat(2000)]),
        },
        body,
      };
  }
}
