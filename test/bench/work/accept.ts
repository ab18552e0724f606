// Accepts the work that the fixed workload takes now as what later versions are held to: npm run bench:accept
import { writeFile } from 'node:fs/promises';
import { BASELINE, countWork } from './baseline.ts';

await writeFile(BASELINE, `${JSON.stringify(await countWork(), undefined, 1)}\n`);
console.log(`Wrote ${BASELINE}`);
