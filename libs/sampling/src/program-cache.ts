// Compiled programs by their static shape, the least recently used freed first: each holds memory of its own.
import { type HostTensor, type Program } from '@overtone/tensor';

interface Entry {
  readonly program: Promise<Program>;
  /** Runs in progress; a program is freed when the last has ended. */
  users: number;
  evicted: boolean;
}

/** Programs of one kind. */
export class ProgramCache {
  private readonly limit: number;
  private readonly entries = new Map<string, Entry>();

  /** @param limit Most programs kept. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Runs the program of `key`, compiled when it is not here; `feeds` gives its inputs. `into`: see `Program.run`. */
  async run(
    key: string,
    compile: () => Promise<Program>,
    feeds: (program: Program) => Readonly<Record<string, HostTensor>>,
    into?: Readonly<Record<string, HostTensor>>,
  ): Promise<Record<string, HostTensor>> {
    const entry = this.entries.get(key) ?? { program: compile(), users: 0, evicted: false };
    this.entries.delete(key);
    this.entries.set(key, entry);
    entry.users += 1;
    const [oldest] = this.entries;
    if (this.entries.size > this.limit && oldest) await this.evict(...oldest);
    try {
      const program = await entry.program;
      return await program.run(feeds(program), into);
    } finally {
      entry.users -= 1;
      if (entry.evicted) await this.free(entry);
    }
  }

  /** Frees all programs. */
  async dispose(): Promise<void> {
    for (const [key, entry] of [...this.entries]) await this.evict(key, entry);
  }

  private evict(key: string, entry: Entry): Promise<void> {
    this.entries.delete(key);
    entry.evicted = true;
    return this.free(entry);
  }

  private async free(entry: Entry): Promise<void> {
    if (entry.users > 0) return;
    // One that could not be compiled has told whoever asked for it.
    const program = await entry.program.catch(() => undefined);
    await program?.dispose();
  }
}
