// Certificates for tests: an authority, and what it issues, made by openssl, which Node has no equal of.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsFiles } from './certificates.ts';

/** Whether this machine can make certificates. */
export const canMakeCertificates = spawnSync('openssl', ['version']).status === 0;

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

/** A folder of certificates, removed by `remove()`. */
export class CertificateFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'overtone-tls-'));

  file(name: string): string {
    return join(this.path, name);
  }

  /** Makes an authority: "name.pem" and "name.key". */
  authority(name: string): string {
    this.#make(name, ['-subj', `/CN=${name}`]);
    return this.file(`${name}.pem`);
  }

  /** Makes a certificate by an authority of this folder, for "URI:spiffe://overtone/judge,DNS:localhost" for example. */
  issue(authority: string, name: string, names: string): Required<TlsFiles> {
    const by = ['-CA', this.file(`${authority}.pem`), '-CAkey', this.file(`${authority}.key`)];
    const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE'];
    this.#make(name, ['-subj', `/CN=${name}`, ...by, ...leaf, '-addext', `subjectAltName=${names}`]);
    return {
      cert: this.file(`${name}.pem`),
      key: this.file(`${name}.key`),
      ca: this.file(`${authority}.pem`),
    };
  }

  /** Puts other files where a process looks for its own, as a rotation does. */
  replace(files: Required<TlsFiles>, by: Required<TlsFiles>): void {
    for (const kind of ['cert', 'key', 'ca'] as const) copyFileSync(by[kind], files[kind]);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }

  #make(name: string, options: string[]): void {
    const out = ['-out', this.file(`${name}.pem`), '-keyout', this.file(`${name}.key`)];
    execFileSync('openssl', ['req', '-x509', '-nodes', '-days', '1', ...CURVE, ...options, ...out], {
      stdio: 'ignore',
    });
  }
}
