// Bearer tokens: a secret that a caller sends with every call, where certificates are more than one wants to run. A server knows
// its callers' tokens by their identities; a client has one. Both read them from files that may change at any time.
import { createHash, timingSafeEqual } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ReloadedFiles } from './reloaded-files.ts';

// 128 bits, written in base64.
const SHORTEST_TOKEN = 22;

interface Known {
  readonly identity: string;
  readonly hash: Buffer;
}

/** The tokens of a server's callers: a folder with one file per identity, each line of which is a token of that identity. */
export class CallerTokens {
  readonly #files: ReloadedFiles<readonly Known[]>;

  /**
   * Reads `folder`; names that begin with a dot are no identities. Throws when it cannot be read, is empty, or holds a token that is
   * too short, has other characters than a header may, or belongs to two identities.
   */
  constructor(folder: string) {
    this.#files = new ReloadedFiles({
      what: `the callers' tokens in ${folder}`,
      load: () => readFolder(folder),
      parse: (contents) => knownTokens(contents, folder),
    });
  }

  /** Whose token it is; undefined when nobody's. Takes as long for a wrong token as for a right one. */
  identityOf(token: string): string | undefined {
    const hash = hashOf(token);
    let identity: string | undefined;
    for (const known of this.#files.current) if (timingSafeEqual(known.hash, hash)) identity = known.identity;
    return identity;
  }
}

/** A client's own token: the first line of a file. */
export class OwnToken {
  static readonly #shared = new Map<string, OwnToken>();
  readonly #file: ReloadedFiles<string>;

  /** The token in `file`. Throws when it cannot be read or holds no token. */
  static in(file: string): OwnToken {
    const token = OwnToken.#shared.get(file) ?? new OwnToken(file);
    OwnToken.#shared.set(file, token);
    return token;
  }

  private constructor(file: string) {
    this.#file = new ReloadedFiles({
      what: `the token in ${file}`,
      load: () => new Map([[file, readText(file)]]),
      parse: (contents) => {
        const [token] = tokensOf(contents.get(file) ?? Buffer.alloc(0), file);
        if (token === undefined) throw new Error(`${file} (OVERTONE_TOKEN_FILE) holds no token`);
        return token;
      },
    });
  }

  /** What goes into the call's "authorization". */
  get header(): string {
    return `Bearer ${this.#file.current}`;
  }
}

/** The token in an "authorization" header; undefined when it is of another kind. */
export function bearerToken(header: string): string | undefined {
  return /^Bearer +([!-~]+)$/i.exec(header)?.[1];
}

function readFolder(folder: string): ReadonlyMap<string, Buffer> {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (error) {
    throw new Error(`cannot read the callers' tokens in ${folder} (OVERTONE_TOKENS)`, { cause: error });
  }
  const contents = new Map<string, Buffer>();
  for (const name of names) {
    const file = join(folder, name);
    // Mounted secrets have folders of their own between, whose names begin with dots.
    if (!name.startsWith('.') && statSync(file).isFile()) contents.set(name, readText(file));
  }
  return contents;
}

function readText(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`cannot read the token in ${file}`, { cause: error });
  }
}

function knownTokens(contents: ReadonlyMap<string, Buffer>, folder: string): readonly Known[] {
  const known: Known[] = [];
  for (const [identity, content] of contents) {
    for (const token of tokensOf(content, join(folder, identity))) {
      const hash = hashOf(token);
      const other = known.find((each) => each.hash.equals(hash));
      if (other !== undefined)
        throw new Error(
          `${folder} (OVERTONE_TOKENS): "${other.identity}" and "${identity}" have the same token`,
        );
      known.push({ identity, hash });
    }
  }
  if (known.length === 0)
    throw new Error(
      `${folder} (OVERTONE_TOKENS) holds no token: one file per caller, its name the identity, its content the token`,
    );
  return known;
}

/** The tokens in a file, one a line. Its errors never quote them. */
function tokensOf(content: Buffer, file: string): string[] {
  const tokens = content
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  for (const token of tokens) {
    if (!/^[!-~]+$/.test(token)) throw new Error(`${file}: a token is made of printable ASCII characters`);
    if (token.length < SHORTEST_TOKEN)
      throw new Error(
        `${file}: a token has at least ${SHORTEST_TOKEN} characters (openssl rand -base64 32 makes one)`,
      );
  }
  return tokens;
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
