// Certificates of this process, as PEM files that may be replaced at any time: connections made from then on use the new ones. A
// file that is half written, or a certificate whose key has not arrived yet, changes nothing until it is whole.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { experimental } from '@grpc/grpc-js';
import { reloadInterval, ReloadedFiles } from './reloaded-files.ts';

/** PEM files, each an absolute path. */
export interface TlsFiles {
  /** Own certificate chain; a server must have one, a client only where the server asks for it. Env OVERTONE_TLS_CERT. */
  cert?: string;
  /** The private key of `cert`. Env OVERTONE_TLS_KEY. */
  key?: string;
  /**
   * Authorities that the other side's certificate must come from. A server demands client certificates then, unless it also knows
   * tokens. Env OVERTONE_TLS_CA.
   */
  ca?: string;
}

interface Loaded {
  readonly identity: experimental.IdentityCertificateUpdate | undefined;
  readonly authorities: experimental.CaCertificateUpdate | undefined;
}

// FileWatcherCertificateProvider of grpc-js takes whatever it finds: a server with a mismatched pair then drops every connection.
/** The certificates as grpc-js wants them: it learns of every change. */
export class Certificates implements experimental.CertificateProvider {
  static readonly #shared = new Map<string, Certificates>();
  readonly #files: ReloadedFiles<Loaded>;
  readonly #identityListeners = new Set<experimental.IdentityCertificateUpdateListener>();
  readonly #caListeners = new Set<experimental.CaCertificateUpdateListener>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * The certificates of these files; one object for all who use them, so that connections to one server are shared. Throws when a
   * file cannot be read, is no PEM, or the key does not belong to the certificate.
   */
  static of(files: TlsFiles): Certificates {
    const name = JSON.stringify([files.cert, files.key, files.ca]);
    let certificates = Certificates.#shared.get(name);
    if (certificates === undefined) {
      certificates = new Certificates(files);
      Certificates.#shared.set(name, certificates);
    } else certificates.#look();
    return certificates;
  }

  private constructor(files: TlsFiles) {
    const { cert, key, ca } = files;
    this.#files = new ReloadedFiles({
      what: `the certificates ${[cert, ca].filter((file) => file !== undefined).join(', ')}`,
      load: () => readAll(files),
      parse: (contents) => ({
        identity: cert !== undefined && key !== undefined ? readPair(contents, cert, key) : undefined,
        authorities: ca === undefined ? undefined : readAuthorities(contents, ca),
      }),
    });
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.add(listener);
    this.#watch();
    // grpc-js misses what it is told while it subscribes.
    process.nextTick(() => listener(this.#files.current.identity ?? null));
  }

  removeIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.delete(listener);
    this.#watch();
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#caListeners.add(listener);
    this.#watch();
    process.nextTick(() => listener(this.#authorities()));
  }

  removeCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#caListeners.delete(listener);
    this.#watch();
  }

  #authorities(): experimental.CaCertificateUpdate {
    return this.#files.current.authorities ?? { caCertificate: systemAuthorities() };
  }

  /** Looks at the files regularly for as long as somebody listens. */
  #watch(): void {
    const listened = this.#identityListeners.size + this.#caListeners.size > 0;
    if (listened && this.#timer === undefined) {
      this.#timer = setInterval(() => this.#look(), reloadInterval()).unref();
    } else if (!listened) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #look(): void {
    if (!this.#files.refresh()) return;
    const { identity } = this.#files.current;
    for (const listener of this.#identityListeners) listener(identity ?? null);
    for (const listener of this.#caListeners) listener(this.#authorities());
  }
}

let system: Buffer | undefined;

/** The authorities that this machine trusts. */
function systemAuthorities(): Buffer {
  return (system ??= Buffer.from(getCACertificates('default').join('\n')));
}

function readAll({ cert, key, ca }: TlsFiles): ReadonlyMap<string, Buffer> {
  const contents = new Map<string, Buffer>();
  for (const [file, what] of [
    [cert, 'certificate'],
    [key, 'private key'],
    [ca, 'authorities'],
  ] as const) {
    if (file === undefined) continue;
    try {
      contents.set(file, readFileSync(file));
    } catch (error) {
      throw new Error(`TLS ${what}: cannot read ${file}`, { cause: error });
    }
  }
  return contents;
}

function readPair(
  contents: ReadonlyMap<string, Buffer>,
  cert: string,
  key: string,
): experimental.IdentityCertificateUpdate {
  const certificate = contents.get(cert) ?? Buffer.alloc(0);
  const privateKey = contents.get(key) ?? Buffer.alloc(0);
  const [own] = readChain(certificate, cert);
  let fits: boolean;
  try {
    fits = own?.checkPrivateKey(createPrivateKey(privateKey)) ?? false;
  } catch {
    // What OpenSSL says of a broken key may quote it.
    throw new Error(`TLS private key: ${key} is no whole private key in PEM`);
  }
  if (!fits) throw new Error(`TLS: the private key ${key} does not belong to the certificate ${cert}`);
  createSecureContext({ cert: certificate, key: privateKey });
  return { certificate, privateKey };
}

function readAuthorities(
  contents: ReadonlyMap<string, Buffer>,
  ca: string,
): experimental.CaCertificateUpdate {
  const caCertificate = contents.get(ca) ?? Buffer.alloc(0);
  readChain(caCertificate, ca);
  return { caCertificate };
}

/** All certificates of a PEM file. OpenSSL by itself would silently leave out a last one that is cut off. */
function readChain(pem: Buffer, file: string): X509Certificate[] {
  const text = pem.toString('latin1');
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const begun = text.match(/-----BEGIN CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length > 0 && blocks.length === begun.length)
      return blocks.map((block) => new X509Certificate(block));
  } catch {
    // Below.
  }
  throw new Error(`TLS certificate: ${file} is not made of whole certificates in PEM`);
}
