// A network of namespaces on a bridge, each with its own address, in which hosts can be cut off from all others: both ways, or so that
// what is sent to it, or what it sends, is lost on the way. Needs a network namespace of its own for itself (see isolated.fixture.ts).
import { execFileSync } from 'node:child_process';

const BRIDGE = 'overtone0';
const NETWORK = '10.77.0';
/** Frames to it are carried, and nobody takes them in. */
const NOBODY = '02:00:00:00:00:99';

/** What is lost of a host that is cut off. */
export type Cut = 'both' | 'to' | 'from';

function ip(...args: readonly (string | number)[]): void {
  execFileSync('ip', args.map(String), { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** A network; this process is its first host. */
export class Network {
  /** Where this process is reached by the others. */
  readonly here = `${NETWORK}.1`;
  readonly #hosts = new Map<string, string>();

  constructor() {
    ip('link', 'set', 'lo', 'up');
    ip('link', 'add', BRIDGE, 'type', 'bridge', 'forward_delay', 0, 'stp_state', 0);
    ip('addr', 'add', `${this.here}/24`, 'dev', BRIDGE);
    ip('link', 'set', BRIDGE, 'up');
  }

  /** Adds a host, in a namespace of that name. @returns its address. */
  add(name: string): string {
    const number = this.#hosts.size + 10;
    const address = `${NETWORK}.${number}`;
    const near = `to${number}`;
    ip('netns', 'add', name);
    ip('link', 'add', near, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('link', 'set', near, 'master', BRIDGE, 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
    ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', name, 'link', 'set', 'eth0', 'up');
    this.#hosts.set(name, address);
    return address;
  }

  /** What to put before a command so that it runs on a host. */
  on(name: string): string[] {
    this.#addressOf(name);
    return ['ip', 'netns', 'exec', name];
  }

  /** Cuts a host off from all others. Connections stay open, and silent. */
  cut(name: string, what: Cut): void {
    const own = this.#addressOf(name);
    if (what === 'both') return ip('link', 'set', this.#portOf(own), 'down');
    for (const { place, address } of this.#others(name)) {
      if (what === 'from') ip('-n', name, ...this.#lost(address, 'eth0'));
      else ip(...place, ...this.#lost(own, place.length > 0 ? 'eth0' : BRIDGE));
    }
  }

  /** Ends a cut. */
  heal(name: string, what: Cut): void {
    const own = this.#addressOf(name);
    if (what === 'both') return ip('link', 'set', this.#portOf(own), 'up');
    for (const { place, address } of this.#others(name)) {
      if (what === 'from') ip('-n', name, 'neigh', 'del', address, 'dev', 'eth0');
      else ip(...place, 'neigh', 'del', own, 'dev', place.length > 0 ? 'eth0' : BRIDGE);
    }
  }

  #lost(address: string, device: string): string[] {
    return ['neigh', 'replace', address, 'lladdr', NOBODY, 'nud', 'permanent', 'dev', device];
  }

  /** All hosts but one, and how commands are put to them. */
  #others(name: string): { readonly place: readonly string[]; readonly address: string }[] {
    const hosts = [...this.#hosts].filter(([host]) => host !== name);
    return [
      { place: [], address: this.here },
      ...hosts.map(([host, address]) => ({ place: ['-n', host], address })),
    ];
  }

  #portOf(address: string): string {
    return `to${address.slice(NETWORK.length + 1)}`;
  }

  #addressOf(name: string): string {
    const address = this.#hosts.get(name);
    if (address === undefined) throw new Error(`there is no host ${name} in the network`);
    return address;
  }
}
