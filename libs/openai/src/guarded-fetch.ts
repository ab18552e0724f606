// The fetch of a transport: to the server that was named and to no other, with the headers that are meant for it, and of its answers no
// more than is ever needed.
import { withRequestSpan } from './request-span.ts';
import { ServerError } from './server-error.ts';

/** Most bytes of an answer, decompressed: thirty thousand tokens with twenty alternatives each take about two thirds of it. */
const MOST_BYTES = 64 * 2 ** 20;

/** Others come from variables such as OPENAI_CUSTOM_HEADERS, which are meant for another server. */
const SENT = new Set(['accept', 'authorization', 'content-type', 'user-agent']);

/**
 * A fetch that follows no redirection: its answer is the redirection itself, so that neither the key nor a prompt goes anywhere else.
 * Reading the body throws {@link ServerError} when it is too large.
 *
 * @param server Named in errors.
 */
export function guardedFetch(server: string): typeof fetch {
  return async (input, init) => {
    const headers = new Headers([...new Headers(init?.headers)].filter(([name]) => SENT.has(name)));
    const request = {
      url: new URL(input instanceof Request ? input.url : input),
      method: init?.method ?? 'GET',
      headers,
      resent: Number(new Headers(init?.headers).get('x-stainless-retry-count') ?? 0),
    };
    const response = await withRequestSpan(request, () =>
      fetch(input, { ...init, headers, redirect: 'manual' }),
    );
    const { body, status, statusText } = response;
    if (body === null) return response;
    let bytes = 0;
    const bounded = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller) {
        bytes += piece.byteLength;
        if (bytes > MOST_BYTES)
          throw new ServerError('malformed', `${server}: the answer has more than ${MOST_BYTES} bytes`);
        controller.enqueue(piece);
      },
    });
    return new Response(body.pipeThrough(bounded), { status, statusText, headers: response.headers });
  };
}
