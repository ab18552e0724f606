// Namespaces of one's own: a program starts itself once more where it may mount file systems, add networks and cut them, none of which
// anybody else sees, and where all that it has started ends with it.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

const INSIDE = 'OVERTONE_FAULTS_ISOLATED';
const NEW = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
const PROBE =
  'mount -t tmpfs tmpfs /run && ip link add probe type bridge && ip netns add probe && ip link add probe0 type veth peer name probe1 netns probe';

/** How to come into namespaces of one's own; undefined where that is not allowed, or a program for it is missing. */
export function isolation(): readonly string[] | undefined {
  for (const user of [[], ['--user', '--map-root-user']]) {
    const args = [...user, ...NEW];
    try {
      execFileSync('unshare', [...args, 'sh', '-c', PROBE], { stdio: 'ignore' });
      return ['unshare', ...args];
    } catch {
      // Not as who we are; perhaps as root of a user namespace.
    }
  }
  return undefined;
}

/** Why tests of faults are left out where they cannot be run. */
export const CANNOT_ISOLATE = 'needs Linux, unshare (util-linux), ip (iproute2), and root or user namespaces';

/** Whether this process is in namespaces of its own. */
export function isIsolated(): boolean {
  return process.env[INSIDE] === '1';
}

/**
 * Runs this program once more, in namespaces of its own, with the same arguments.
 *
 * @returns its exit code.
 * @throws Error where that cannot be.
 */
export async function runIsolated(program: string, args: readonly string[]): Promise<number> {
  const [command, ...before] = isolation() ?? [];
  if (command === undefined) throw new Error(CANNOT_ISOLATE);
  const child = spawn(command, [...before, process.execPath, program, ...args], {
    env: { ...process.env, [INSIDE]: '1' },
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGKILL'));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/** Makes the namespaces ready for networks. */
export function prepareIsolated(): void {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
}
