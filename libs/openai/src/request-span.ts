// An HTTP request in the trace: a span for every attempt, whose context goes along as `traceparent`, so that a server that is traced too
// continues it. Bodies and credentials are never part of it.
import { markFailed, traceHeaders, withSpan } from '@overtone/telemetry';

/** Sends a request within a span of its own, where there is one that it can be part of; adds the trace's headers to `headers`. */
export function withRequestSpan(
  { url, method, headers, resent }: { url: URL; method: string; headers: Headers; resent: number },
  send: () => Promise<Response>,
): Promise<Response> {
  // What a service asks for when it starts belongs to nobody's trace.
  if (Object.keys(traceHeaders()).length === 0) return send();
  const attributes = {
    'http.request.method': method,
    'url.full': `${url.origin}${url.pathname}`,
    ...serverAttributes(url),
    ...(resent > 0 ? { 'http.request.resend_count': resent } : {}),
  };
  return withSpan(
    method,
    attributes,
    async (span) => {
      for (const [name, value] of Object.entries(traceHeaders())) headers.set(name, value);
      const response = await send();
      span.setAttribute('http.response.status_code', response.status);
      if (response.status >= 400) markFailed(span, String(response.status));
      return response;
    },
    { client: true },
  );
}

/** Where a server is. */
export function serverAttributes({ hostname, port, protocol }: URL): Record<string, string | number> {
  const usual = protocol === 'https:' ? 443 : 80;
  return { 'server.address': hostname, 'server.port': port === '' ? usual : Number(port) };
}
