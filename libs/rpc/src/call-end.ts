// How calls end that grpc-js would end badly: with INTERNAL where the caller's bytes are at fault, or never.
import { ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';

/** How grpc-js begins its details where the caller is at fault, and what is said instead. */
const AT_FAULT = [
  [
    'Error deserializing request',
    'the request is no message of this method: it is cut off, damaged or made for another one, or holds an integer beyond 2^53 − 1',
  ],
  ['Failed to decompress message', 'the request cannot be decompressed as grpc-encoding says'],
  ['Invalid grpc-timeout value', 'grpc-timeout: expected up to 8 digits and one of H, M, S, m, u, n'],
] as const;

/** The first of a server's interceptors: these calls are ended by the innermost call itself, where no other one hears of it. */
export const callEnd: ServerInterceptor = (_method, call) => {
  const sendStatus = call.sendStatus.bind(call);
  const sendMessage = call.sendMessage.bind(call);
  let ended = false;
  call.sendStatus = (answer) => {
    ended = true;
    const { code, details } = answer;
    const [, said] =
      (code === status.INTERNAL && AT_FAULT.find(([start]) => details?.startsWith(start))) || [];
    sendStatus(said === undefined ? answer : { ...answer, code: status.INVALID_ARGUMENT, details: said });
  };
  // A message after the status, as when the deadline passes in the middle of a stream, would break the HTTP/2 stream without closing it:
  // the caller would wait until its connection ends.
  call.sendMessage = (message, callback) => {
    if (ended) callback();
    else sendMessage(message, callback);
  };
  return new ServerInterceptingCall(call);
};
