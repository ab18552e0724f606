// Identity: who calls. From the certificate of the connection (the last segment of its "spiffe://…" name, else the first label of
// its first DNS name), or from the bearer token of the call.
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';

type AuthContext = ReturnType<ServerInterceptingCallInterface['getAuthContext']>;

/** Who called. */
export interface Caller {
  /** "experiment", "judge", …; undefined for callers without certificate or token. */
  readonly identity: string | undefined;
  /** The whole name in its certificate, for example "spiffe://overtone/judge". */
  readonly uri: string | undefined;
  /** Whether it has proved who it is. */
  readonly authenticated: boolean;
  /** What its share of the server is counted under. */
  readonly key: string;
}

/** A caller that has shown a token of `identity`. */
export function callerWithToken(identity: string): Caller {
  return { identity, uri: undefined, authenticated: true, key: `identity ${identity}` };
}

/** A caller that has proved nothing: counted by the host that it calls from ("10.0.0.7:41233"). */
export function anonymousCaller(peer: string): Caller {
  const host = peer.replace(/:\d+$/, '');
  return { identity: undefined, uri: undefined, authenticated: false, key: `host ${host}` };
}

/** The caller whose certificate the connection has verified; undefined when it has shown none. */
export function callerWithCertificate({ sslPeerCertificate: certificate }: AuthContext): Caller | undefined {
  if (certificate === undefined) return undefined;
  const names = alternativeNames(certificate.subjectaltname ?? '');
  const uri = names.find(({ kind, name }) => kind === 'URI' && name.startsWith('spiffe://'))?.name;
  const dns = names.find(({ kind }) => kind === 'DNS')?.name;
  const identity = uri?.split('/').slice(3).at(-1) || (uri === undefined ? dns?.split('.')[0] : undefined);
  const key = identity === undefined ? `certificate ${certificate.fingerprint256}` : `identity ${identity}`;
  return { identity: identity || undefined, uri, authenticated: true, key };
}

/** The names in Node's text of a certificate, 'URI:spiffe://overtone/judge, DNS:judge'; none when any of it is unclear. */
function alternativeNames(text: string): { kind: string; name: string }[] {
  const names: { kind: string; name: string }[] = [];
  // A name with characters that could be taken for the end of it is written as a JSON string.
  const entry = /(?:^|, )([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^",]*)/y;
  while (entry.lastIndex < text.length) {
    const [, kind = '', written = ''] = entry.exec(text) ?? [];
    if (kind === '') return [];
    // The names that count need no such characters.
    if (!written.startsWith('"')) names.push({ kind, name: written });
  }
  return names;
}
