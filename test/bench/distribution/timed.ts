// A command's time: on the clock, and of the processors, its children's and theirs included.
import { spawn } from 'node:child_process';

/** What a command took, seconds. */
export interface Timed {
  readonly wall: number;
  /** User and system time of all processes. */
  readonly cpu: number;
}

/** Runs a program of Node's to its end. @throws Error with the last of what it said when it fails. */
export async function timed(
  arguments_: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Timed> {
  // A shell sees what Node does not: the time of children's children, all of which have ended when their parents have.
  const shell = spawn(
    'bash',
    ['-c', 'TIMEFORMAT="overtone-time %3R %3U %3S"; time "$@"', 'bash', process.execPath, ...arguments_],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...environment } },
  );
  let said = '';
  shell.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
  const code = await new Promise<number | null>((resolve, reject) => {
    shell.once('error', reject).once('close', resolve);
  });
  const [, wall, user, system] = /overtone-time ([\d.]+) ([\d.]+) ([\d.]+)\s*$/.exec(said) ?? [];
  if (code !== 0 || wall === undefined)
    throw new Error(`${arguments_.join(' ')} ended with ${code}:\n${said.trimEnd()}`);
  return { wall: Number(wall), cpu: Number(user) + Number(system) };
}
