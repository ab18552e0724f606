// Takes from an application what its image cannot use: native code for other platforms, source maps, rooms that are not linked, and what
// only development needs from the lists of dependencies, so that these say what is there. Licences stay. Run in the application's folder.
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';

const packages = resolve('node_modules');

/** @param {string} folder @param {(name: string) => boolean} keep */
function keepOnly(folder, keep) {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) if (!keep(name)) rmSync(join(folder, name), { recursive: true });
}

const natives = join(packages, 'onnxruntime-node', 'bin');
for (const version of existsSync(natives) ? readdirSync(natives) : []) {
  keepOnly(join(natives, version), (platform) => platform === process.platform);
  keepOnly(join(natives, version, process.platform), (machine) => machine === process.arch);
}
for (const entry of readdirSync(packages, { recursive: true, withFileTypes: true }))
  if (entry.isFile() && entry.name.endsWith('.map')) rmSync(join(entry.parentPath, entry.name));

// npm leaves the folders of all workspaces; those that it has linked are what this image is made of.
const links = join(packages, '@overtone');
const linked = new Set(readdirSync(links).map((name) => resolve(links, readlinkSync(join(links, name)))));
for (const floor of ['libs', 'services'])
  keepOnly(resolve(floor), (room) => linked.has(resolve(floor, room)));

for (const folder of [resolve('.'), ...linked]) {
  const path = join(folder, 'package.json');
  const { devDependencies: _, scripts: __, ...description } = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, `${JSON.stringify(description, null, 2)}\n`);
}
