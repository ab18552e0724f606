// The names under which a server is asked for. A page elsewhere whose name is made to lead here (DNS rebinding) asks by its own name,
// and is refused: it could read every run otherwise. Ports do not matter, so that a tunnel may end at another one.
import { hostname, networkInterfaces } from 'node:os';

/** Whether only this machine can reach an address to listen on. */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127(\.\d{1,3}){3}$/.test(address);
}

/** Names that a server which listens on `address` goes by. */
export function ownHosts(address: string): ReadonlySet<string> {
  const names = ['localhost', '127.0.0.1', '::1', address.toLowerCase()];
  if (['0.0.0.0', '::'].includes(address)) {
    names.push(hostname().toLowerCase());
    for (const list of Object.values(networkInterfaces()))
      for (const { address: own } of list ?? []) names.push(own.toLowerCase());
  }
  return new Set(names);
}

/** Whether a Host header names the server itself. */
export function isOwnHost(header: string | undefined, own: ReadonlySet<string>): boolean {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.%\w]+)\]|([^:[\]]+))(?::\d{1,5})?$/i.exec(header ?? '') ?? [];
  const name = (bracketed ?? plain)?.toLowerCase();
  return name !== undefined && own.has(name);
}
