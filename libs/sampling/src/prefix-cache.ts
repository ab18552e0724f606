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
}

/** Blocks of prompts under one set of weights each. */
export class PrefixCache {
  private readonly limit: number;
  private readonly roots = new WeakMap<object, PrefixBlock>();
  /** In the order of use, the oldest first; a block always lies before the blocks that it continues. */
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
   * The full blocks at the beginning of a prompt. At least one token is left over: the last one's distribution is always computed
   * anew.
   */
  path(weights: object, tokens: readonly number[]): PrefixBlock[] {
    let block: PrefixBlock = this.roots.get(weights) ?? new PrefixBlock(undefined, []);
    this.roots.set(weights, block);
    const found: PrefixBlock[] = [];
    for (let end = PREFIX_BLOCK; end < tokens.length; end += PREFIX_BLOCK) {
      const own = tokens.slice(end - PREFIX_BLOCK, end);
      const key = own.join();
      let next: PrefixBlock | undefined = block.children.get(key);
      if (!next) block.children.set(key, (next = new PrefixBlock(block, own)));
      found.push(next);
      block = next;
    }
    return found;
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

  /** Notes that a prompt's blocks were used, and drops the oldest blocks beyond the limit. */
  touch(blocks: readonly PrefixBlock[]): void {
    for (const block of blocks.toReversed()) {
      if (!block.segment) continue;
      this.used.delete(block);
      this.used.add(block);
    }
    for (const block of this.used) {
      if (this.used.size <= this.limit) return;
      this.used.delete(block);
      block.segment = undefined;
      block.parent?.children.delete(block.tokens.join());
    }
  }
}
