// Throws malformed requests at every service, and says what came of it:
//   npm run fuzz -- --requests 100000 [--seed 1] [--service judge] [--first 0] [--json]
// Requests are made from the seed, the service's name and their number: --first and --requests repeat any of them by itself.
import { parseArgs } from 'node:util';
import { type CampaignReport, runCampaign } from './campaign.ts';
import { startDeployment } from './deployment.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    service: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

function print(report: CampaignReport): void {
  const { service, requests, seconds, statuses, memoryMiB, descriptors, slowestHealthMs, wrong, damage } =
    report;
  const counts = Object.entries(statuses)
    .sort(([, a], [, b]) => b - a)
    .map(([status, count]) => `${status} ${count}`);
  const lines = [
    `${service}: ${requests} requests in ${seconds.toFixed(1)} s, ${Math.round(requests / seconds)} a second`,
    `  ${counts.join(', ')}`,
    `  memory ${memoryMiB.before} MiB before, ${memoryMiB.early} after a tenth, ${memoryMiB.after} after all; descriptors ${descriptors.before} before, ${descriptors.after} after; health within ${slowestHealthMs} ms`,
    ...wrong.map((answer) => `  wrong answer: ${answer}`),
    ...damage.map((what) => `  damage: ${what}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

const deployment = await startDeployment();
try {
  for (const service of deployment.services) {
    if (values.service !== undefined && values.service !== service.name) continue;
    const report = await runCampaign(service, {
      requests: Number(values.requests),
      seed: Number(values.seed),
      first: Number(values.first),
    });
    if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else print(report);
    if (report.wrong.length + report.damage.length > 0) process.exitCode = 1;
  }
} finally {
  await deployment.close();
}
