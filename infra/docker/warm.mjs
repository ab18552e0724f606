// Starts what an image holds and stops it again, so that Node's compile cache is there before the first container is. A service that does
// not listen, or does not end with 0 at SIGTERM, fails the build.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';

const ROOT = '/opt/overtone';
const SERVICES = ['generator', 'judge', 'scorer', 'trainer', 'evaluator'];
const scratch = mkdtempSync(join(tmpdir(), 'warm-'));

/** What each service needs to be told to start. */
const settings = {
  OVERTONE_LISTEN: '127.0.0.1:0',
  OVERTONE_HEALTH_LISTEN: '127.0.0.1:0',
  OVERTONE_ARTIFACTS: `file://${scratch}/artifacts`,
  OVERTONE_STATE: `${scratch}/state`,
  OVERTONE_MODEL: `${ROOT}/libs/miniature/model`,
  OVERTONE_WORKERS: '1',
  OVERTONE_GENERATOR: '127.0.0.1:9',
  OVERTONE_JUDGE: 'rubric',
};

/** Runs Node to its end; `listening`: sends SIGTERM once it says that it listens. @param {string[]} args @param {Record<string, string>} more */
function run(args, { listening = false, more = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...settings, ...more },
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: scratch,
    });
    const late = setTimeout(() => child.kill('SIGKILL'), 120_000);
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (listening && line.includes('"event":"listening"')) child.kill('SIGTERM');
    });
    child.once('error', reject).once('close', (code, signal) => {
      clearTimeout(late);
      if (code === 0) resolve(undefined);
      else reject(new Error(`${args.join(' ')} ended with ${code ?? signal}`));
    });
  });
}

/** @param {string} name */
async function warmService(name) {
  const start = [
    '--import',
    `${ROOT}/libs/telemetry/src/register.ts`,
    `${ROOT}/services/${name}/src/main.ts`,
  ];
  await run(start, { listening: true });
  // Traces load more; what is left of them goes nowhere.
  await run(start, {
    listening: true,
    more: { OVERTONE_SERVICE_NAME: name, OVERTONE_TRACE_FILE: join(scratch, 'trace.jsonl') },
  });
}

const wanted = process.argv[2] ?? '';
try {
  if (wanted === 'experiment') {
    for (const name of SERVICES) await warmService(name);
    const command = `${ROOT}/libs/cli/src/main.ts`;
    await run([command, '--help']);
    await run([command, 'plan', `${ROOT}/libs/experiment/recipes/miniature.yaml`]);
    await run(['--eval', `await import('${ROOT}/libs/cli/src/run-command.ts')`]);
  } else await warmService(wanted);
} finally {
  rmSync(scratch, { recursive: true });
}
