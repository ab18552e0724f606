// The faults: what is done to a service's processes, for how long, and how it is undone.
import { setTimeout as delay } from 'node:timers/promises';
import { type Deployment, processesOf, replicasOf, type Service } from './deployment.fixture.ts';
import type { HostedService } from './hosted-service.fixture.ts';
import type { Cut, Network } from './network.fixture.ts';

export const FAULTS = ['kill', 'pause', 'partition', 'slow', 'disk', 'restart', 'rolling'] as const;
export type Fault = (typeof FAULTS)[number];

/** 200 ms each way, and half a megabit a second. */
const SLOW = { delayMs: 200, bytesPerSecond: 64_000 };
const CUTS: readonly Cut[] = ['both', 'to', 'from'];

/** What to do to whom. */
export interface Injection {
  readonly fault: Fault;
  readonly service: Service;
  /** How long it lasts, milliseconds. */
  readonly lastsMs: number;
  /** Chooses between kinds of the same fault: 0, 1, 2, … */
  readonly kind: number;
}

/** Injects a fault, and undoes it; resolves when the service is well again. @returns what was done, in words. */
export async function inject(
  { fault, service, lastsMs, kind }: Injection,
  deployment: Deployment,
  network: Network,
): Promise<string> {
  const names = processesOf(service);
  const hosted = names.map((name) => of(deployment.services, name));
  const seconds = `${(lastsMs / 1000).toFixed(1)} s`;
  switch (fault) {
    case 'kill':
      await Promise.all(hosted.map((each) => each.end('SIGKILL')));
      await delay(lastsMs / 4);
      await Promise.all(hosted.map((each) => each.start()));
      return 'SIGKILL';
    case 'restart':
      await restart(hosted);
      return 'SIGTERM';
    case 'rolling':
      await restart(names.flatMap(replicasOf).map((name) => of(deployment.services, name)));
      return 'SIGTERM to both replicas, one after the other';
    case 'pause':
      for (const each of hosted) each.pause();
      await delay(lastsMs);
      for (const each of hosted) each.resume();
      return `stopped ${seconds}`;
    case 'partition': {
      const cut = CUTS[kind % CUTS.length] ?? 'both';
      for (const name of names) network.cut(name, cut);
      await delay(lastsMs);
      for (const name of names) network.heal(name, cut);
      return `cut off ${seconds} (${cut === 'both' ? 'both ways' : cut === 'to' ? 'what is sent to it' : 'what it sends'})`;
    }
    case 'slow':
      for (const name of names) of(deployment.links, name).quality = SLOW;
      await delay(2 * lastsMs);
      for (const name of names) of(deployment.links, name).mend();
      return `slow ${((2 * lastsMs) / 1000).toFixed(1)} s`;
    case 'disk': {
      // The generator writes adapters out of the artifacts, whose disk it shares with the trainer and the run.
      const full = names.map((name) => of(deployment.disks, name === 'generator' ? 'artifacts' : name));
      for (const disk of full) disk.fill();
      await delay(lastsMs);
      for (const disk of full) disk.free();
      return `disk full ${seconds}`;
    }
  }
}

/** Tells services to end, and starts them again, one after another, each when the one before is well. */
async function restart(services: readonly HostedService[]): Promise<void> {
  for (const service of services) {
    await service.end('SIGTERM');
    await service.start();
    await service.healthy();
  }
}

function of<Name extends string, Part>(parts: ReadonlyMap<Name, Part>, name: Name): Part {
  const part = parts.get(name);
  if (part === undefined) throw new Error(`the deployment has no ${name}`);
  return part;
}
