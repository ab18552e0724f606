// A server's list of models: which one is meant, and what the server says of it.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ServerError } from './server-error.ts';
import { type Transport } from './transport.ts';

const listing = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      owned_by: z.string().nullish(),
      root: z.string().nullish(),
      parent: z.string().nullish(),
      max_model_len: z.int().nullish(),
      meta: z.record(z.string(), z.unknown()).nullish(),
    }),
  ),
});
/** A model as a server lists it. */
export type Listed = z.infer<typeof listing>['data'][number];

/** The models that a server lists; none where it cannot list them. @throws {ServerError} */
export async function listModels(
  transport: Transport,
  signal: AbortSignal | undefined,
): Promise<readonly Listed[]> {
  let answer: unknown;
  try {
    answer = await transport.get('/models', signal);
  } catch (error) {
    if (error instanceof ServerError && (error.httpStatus === 404 || error.httpStatus === 405)) return [];
    throw error;
  }
  const parsed = listing.safeParse(answer);
  if (!parsed.success) {
    throw new ServerError(
      'malformed',
      `${transport.server}/models: expected a list of models; is this the address of an OpenAI-compatible server, with its path (often /v1)?`,
    );
  }
  return parsed.data.data;
}

/**
 * The model that is meant: the one of that name, or the only one.
 *
 * @param setting What to set for another one, named in errors.
 * @throws {ServerError} when it is not there.
 */
export function chooseModel(
  listed: readonly Listed[],
  wanted: string | undefined,
  server: string,
  setting = 'OVERTONE_OPENAI_MODEL',
): Listed {
  const bases = listed.filter(({ parent }) => !parent);
  const names = bases.map(({ id }) => `"${id}"`).join(', ') || 'none';
  if (wanted === undefined) {
    const [only, ...others] = bases;
    if (only !== undefined && others.length === 0) return only;
    throw new ServerError(
      'set-up',
      `${server}: it has several models or lists none (${names}); set ${setting} to one`,
    );
  }
  // Ollama leaves out the tag "latest".
  const found = listed.find(({ id }) => id === wanted || id === `${wanted}:latest`);
  if (found !== undefined) return found;
  // Not every server can list its models; those that do are believed.
  if (listed.length === 0) return { id: wanted };
  throw new ServerError(
    'set-up',
    `${server}: it has no model "${wanted}"; its models: ${names}; set ${setting} to one of them`,
  );
}

/** SHA-256 over a server's address, a model's id there, and what the server says of it. */
export function identity(server: string, { id, root, max_model_len: contextLength, meta }: Listed): string {
  const facts = Object.entries(meta ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([server, id, root ?? '', contextLength ?? 0, facts]))
    .digest('hex');
}
