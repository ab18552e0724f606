// Connections that speak no gRPC, no HTTP/2, or a broken one.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type Draw } from './draw.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SETTINGS = http2Frame(4, 0, 0, Buffer.alloc(0));

function http2Frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array,
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** What is written to a connection. */
function attack(draw: Draw): Buffer {
  const broken = (...frames: Buffer[]): Buffer => Buffer.concat([PREFACE, SETTINGS, ...frames]);
  switch (draw.below(14)) {
    case 0:
      return draw.bytes(1 + draw.below(2000));
    case 1:
      return Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\n\r\n');
    case 2:
      // The beginning of a TLS handshake.
      return Buffer.concat([Buffer.from('16030100f8010000f40303', 'hex'), draw.bytes(240)]);
    case 3:
      return PREFACE.subarray(0, draw.below(PREFACE.length));
    case 4:
      return broken(http2Frame(4, 0, 0, draw.bytes(5)));
    case 5:
      return broken(http2Frame(1, 5, 1, draw.bytes(1 + draw.below(400))));
    case 6:
      return broken(http2Frame(8, 0, 0, Buffer.alloc(4)));
    case 7:
      return broken(http2Frame(6, 0, 0, draw.bytes(7)));
    case 8:
      return broken(http2Frame(0, 1, 1, draw.bytes(100)));
    case 9:
      // A block of headers that never ends.
      return broken(
        http2Frame(1, 0, 1, draw.bytes(10)),
        ...Array.from({ length: 200 }, () => http2Frame(9, 0, 1, Buffer.alloc(1000, 0x40))),
      );
    case 10:
      return broken(...Array.from({ length: 2000 }, () => http2Frame(6, 0, 0, Buffer.alloc(8))));
    case 11:
      return broken(
        ...Array.from({ length: 2000 }, (_, index) => http2Frame(3, 0, 2 * index + 1, Buffer.alloc(4))),
      );
    case 12:
      return broken(
        http2Frame(
          draw.below(256),
          draw.below(256),
          draw.below(2 ** 31),
          draw.bytes(draw.below(100)),
          draw.below(2 ** 24),
        ),
      );
    default:
      return broken(
        ...Array.from({ length: 2000 }, () => http2Frame(4, 0, 0, Buffer.from('000400000000', 'hex'))),
      );
  }
}

/** Opens a connection, writes, and leaves: at once, or when the server has had its say. */
export async function attackConnection(address: string, draw: Draw): Promise<void> {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  const socket = connect(Number(port), host);
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  socket.resume();
  socket.write(attack(draw));
  await Promise.race([closed, setTimeout(draw.chance(0.5) ? 5 : 50)]);
  if (draw.chance(0.5)) socket.resetAndDestroy();
  else socket.destroy();
  await closed;
}
