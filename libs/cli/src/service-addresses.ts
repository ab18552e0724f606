// `--service name=address`: an experiment on services that run elsewhere, without a change to its file.
import { InvalidArgumentError, Option } from 'commander';
import { InputError } from '@overtone/experiment/input-error';
import type { ExperimentFile } from '@overtone/experiment/prepare';

/** The keys of `services` in an experiment file. */
const KEYS = ['generator', 'scorer', 'trainer', 'evaluator', 'artifacts'] as const;
type Key = (typeof KEYS)[number];

/** Where services run. */
export interface ServiceAddresses {
  /** What takes the place of the file's `services`, key by key. */
  readonly services: Readonly<Partial<Record<Key, string>>>;
  /** Addresses of judges, by the file's names. */
  readonly judges: Readonly<Record<string, string>>;
}

/** The option, which may be given several times. */
export function serviceOption(): Option {
  return new Option(
    '--service <name=address>',
    `use a service that runs at host:port instead of starting one: ${KEYS.slice(0, 4).join(', ')}, or judge.<name>; artifacts=<URI> is the store that they share. Repeatable`,
  ).argParser(addServiceAddress);
}

/** Adds "generator=host:50051", "judge.self=host:50051" or "artifacts=file:///…". @throws {InvalidArgumentError} for anything else. */
export function addServiceAddress(
  text: string,
  { services, judges }: ServiceAddresses = { services: {}, judges: {} },
): ServiceAddresses {
  const [, name = '', address = ''] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  const judge = /^judge\.(.+)$/.exec(name)?.[1];
  if (judge !== undefined) return { services, judges: { ...judges, [judge]: address } };
  const key = KEYS.find((candidate) => candidate === name);
  if (key === undefined)
    throw new InvalidArgumentError(
      `expected name=address, where name is one of ${KEYS.join(', ')}, or judge.<name>.`,
    );
  return { services: { ...services, [key]: address }, judges };
}

/** The change to a file. It throws InputError for a judge that the file does not have. */
export function atAddresses({
  services,
  judges,
}: ServiceAddresses): <File extends Pick<ExperimentFile, 'services' | 'judges'>>(file: File) => File {
  return (file) => {
    const moved = Object.entries(judges).map(([name, address]) => {
      const judge = file.judges[name];
      if (judge === undefined)
        throw new InputError(
          `--service judge.${name}: the experiment has no judge "${name}" (its judges: ${Object.keys(file.judges).join(', ') || 'none'})`,
        );
      const { plan, maxPairs, budget, patienceSeconds } = judge;
      return [name, { backend: 'address', address, plan, maxPairs, budget, patienceSeconds }] as const;
    });
    return {
      ...file,
      services: { ...file.services, ...services },
      judges: { ...file.judges, ...Object.fromEntries(moved) },
    };
  };
}
