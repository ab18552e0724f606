// Keys and values of the beginnings of prompts, in blocks: what prompts have in common is computed once, within a call and
// across calls. The least recently used blocks are dropped when memory is needed.
import { type Segment } from './slot-cache.ts';

/** Tokens of a block. */
export const PREFIX_BLOCK = 64;

/** A block of tokens after the blocks before it. */
export class PrefixBlock {
  readonly parent: PrefixBlock | undefined;
  readonly tokens: readonly number[];
  readonly children = new Map<string, PrefixBlock>();
  /** Undefined until it is computed, and after it was dropped. */
  segment: Segment | undefined;

  constructor(parent: PrefixBlock | undefined, tokens: readonly number[]) {
    this.parent = parent;
    this.tokens = tokens;
  }

  /** Its place among those that continue the same block. */
  get key(): string {
    return this.tokens.join();
  }
}

/** Blocks of prompts under one set of weights each. */
export class PrefixCache {
  private readonly limit: number;
  private readonly roots = new WeakMap<object, PrefixBlock>();
  /** In the order of use, the oldest first; a block always lies before the blocks that it continues. Nothing else is kept. */
  private readonly used = new Set<PrefixBlock>();

  /** @param limit Most blocks kept. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Blocks kept. */
  get size(): number {
    return this.used.size;
  }

  /**
   * The full blocks at the beginning of each prompt: those that are kept, and new ones, which nobody else comes to know before they
   * are kept. At least one token of a prompt is left over: the last one's distribution is always computed anew.
   */
  paths(weights: object, prompts: readonly (readonly number[])[]): PrefixBlock[][] {
    const root = this.roots.get(weights) ?? new PrefixBlock(undefined, []);
    this.roots.set(weights, root);
    const fresh = new Map<PrefixBlock, Map<string, PrefixBlock>>();
    return prompts.map((tokens) => {
      let block = root;
      const found: PrefixBlock[] = [];
      for (let end = PREFIX_BLOCK; end < tokens.length; end += PREFIX_BLOCK) {
        const own = tokens.slice(end - PREFIX_BLOCK, end);
        const key = own.join();
        let next = block.children.get(key) ?? fresh.get(block)?.get(key);
        if (!next) {
          next = new PrefixBlock(block, own);
          fresh.set(block, (fresh.get(block) ?? new Map<string, PrefixBlock>()).set(key, next));
        }
        found.push(next);
        block = next;
      }
      return found;
    });
  }

  /** Keeps a block that was computed, unless another call has done so or what it continues was dropped; drops the oldest beyond the limit. */
  keep(block: PrefixBlock): void {
    const { parent } = block;
    if (parent === undefined || parent.children.has(block.key)) return;
    if (parent.parent !== undefined && !this.used.has(parent)) return;
    parent.children.set(block.key, block);
    for (let at: PrefixBlock = block; at.parent !== undefined; at = at.parent) this.renew(at);
    this.shrink();
  }

  /** Drops all blocks under a set of weights, which will not be used again. */
  forget(weights: object): void {
    const root = this.roots.get(weights);
    if (root === undefined) return;
    this.roots.delete(weights);
    const open = [root];
    for (let block = open.pop(); block !== undefined; block = open.pop()) {
      this.used.delete(block);
      open.push(...block.children.values());
    }
  }

  /** Notes that a prompt's blocks were used. */
  touch(blocks: readonly PrefixBlock[]): void {
    for (const block of blocks.toReversed()) if (this.used.has(block)) this.renew(block);
  }

  private renew(block: PrefixBlock): void {
    this.used.delete(block);
    this.used.add(block);
  }

  private shrink(): void {
    for (const block of this.used) {
      if (this.used.size <= this.limit) return;
      this.used.delete(block);
      block.segment = undefined;
      block.parent?.children.delete(block.key);
    }
  }
}
