// What entropy costs on top of sampling: the sampler's own decoding program, as it is and without that output, on the same tensors.
import { type DecoderConfig } from '@overtone/language-model';
import { Sampler, type hostParameters } from '@overtone/sampling';
import { Graph, Program, residentPrograms, type HostTensor } from '@overtone/tensor';
import { ProgramObserver } from '../work/observe-programs.ts';
import { type DecodeRequest } from './requests.ts';

/** The output of a decoding program that nothing but the entropy needs: the mean of the centred logits. */
export const ENTROPY_OUTPUT = 'mean';

interface Prepared {
  readonly programs: { readonly with: Program; readonly without: Program };
  readonly feeds: Readonly<Record<string, HostTensor>>;
  readonly into: Readonly<Record<string, HostTensor>> | undefined;
}

const prepared = new Map<string, Prepared>();

/** The same graph without one of its outputs. */
export function withoutOutput(graph: Graph, name: string): Graph {
  if (!graph.outputs.has(name))
    throw new Error(`The program has no output ${name}, only ${[...graph.outputs.keys()].join(', ')}`);
  const outputs = new Map([...graph.outputs].filter(([other]) => other !== name));
  return Object.assign(Object.create(Graph.prototype) as Graph, graph, { outputs });
}

async function prepare(
  { config, weights }: { config: DecoderConfig; weights: ReturnType<typeof hostParameters> },
  threads: number,
  { batch, promptTokens }: DecodeRequest,
): Promise<Prepared> {
  using observer = new ProgramObserver();
  const sampler = new Sampler({ config, eosTokenId: -1, padTokenId: 0 }, { slots: batch, threads });
  const prompts = Array.from({ length: batch }, (_, prompt) => ({
    id: String(prompt),
    tokens: Array.from({ length: promptTokens }, (_, at) => (7 * prompt + 3 * at + 1) % config.vocabSize),
  }));
  const how = { samples: 1, maxNewTokens: 3, temperature: 1, topP: 1, seed: 1 };
  for await (const _ of sampler.sample(weights, prompts, how));
  const decoding = observer.programs.findLast(({ kind }) => kind === 'decode');
  if (!decoding) throw new Error('The sampler compiled no program of one token a sequence');
  const { graph, feeds } = decoding;
  // As the sampler has them: where steps keep the cache in place, what they return of it is written over it.
  const into = residentPrograms()
    ? Object.fromEntries(
        Object.entries(feeds).flatMap(([name, tensor]) =>
          graph.outputs.has(`new.${name}`) ? [[`new.${name}`, tensor]] : [],
        ),
      )
    : undefined;
  const options = { threads, ...(into ? { resident: { weights: {} } } : {}) };
  const programs = {
    with: await Program.compile(graph, options),
    without: await Program.compile(withoutOutput(graph, ENTROPY_OUTPUT), options),
  };
  await sampler.dispose();
  for (const program of Object.values(programs)) await program.run(feeds, into);
  return { programs, feeds, into };
}

/** Seconds of `steps` decoding steps. */
export async function decodeSteps(
  model: Parameters<typeof prepare>[0],
  threads: number,
  request: DecodeRequest,
): Promise<{ seconds: number }> {
  const key = `${request.batch},${request.promptTokens}`;
  const ready = prepared.get(key) ?? (await prepare(model, threads, request));
  prepared.set(key, ready);
  const { programs, feeds, into } = ready;
  const program = request.entropy ? programs.with : programs.without;
  const began = performance.now();
  for (let step = 0; step < request.steps; step++) await program.run(feeds, into);
  return { seconds: (performance.now() - began) / 1000 };
}
