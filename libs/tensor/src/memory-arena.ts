// The memory that a program of ONNX Runtime comes to hold: an arena that takes regions from the system, each twice as large as the one
// before, gives out the smallest free piece that fits, and never gives anything back. What counts is what was ever written to.

/** A piece of a region, in use or free. Neighbours are linked, so that free ones can be joined. */
interface Piece {
  readonly region: Region;
  offset: number;
  bytes: number;
  free: boolean;
  before: Piece | undefined;
  after: Piece | undefined;
}

interface Region {
  readonly index: number;
  /** 1 for every page that was written to. */
  readonly pages: Uint8Array;
}

const PAGE = 4096;
const ALIGNMENT = 256;
/** The first region, bytes. */
const FIRST_REGION = 2 ** 20;
/** A piece is split when more than this, or than half of it, would be left over. */
const MOST_LEFT_OVER = 2 ** 27;

/** An arena. */
export class MemoryArena {
  private readonly regions: Region[] = [];
  private readonly free = new Set<Piece>();
  private next = FIRST_REGION;

  /** Takes memory, and writes to all of it. */
  take(bytes: number): Piece {
    const wanted = Math.max(ALIGNMENT, ALIGNMENT * Math.ceil(bytes / ALIGNMENT));
    const piece = this.smallest(wanted) ?? this.extend(wanted);
    this.free.delete(piece);
    piece.free = false;
    if (piece.bytes >= 2 * wanted || piece.bytes - wanted >= MOST_LEFT_OVER) this.split(piece, wanted);
    piece.region.pages.fill(
      1,
      Math.floor(piece.offset / PAGE),
      Math.ceil((piece.offset + Math.max(1, bytes)) / PAGE),
    );
    return piece;
  }

  /** Gives memory back to the arena. */
  give(piece: Piece): void {
    piece.free = true;
    const { after, before } = piece;
    if (after?.free) this.join(piece, after);
    if (before?.free) this.join(before, piece);
    else this.free.add(piece);
  }

  /** Bytes that were ever written to. */
  get touched(): number {
    return this.regions.reduce(
      (sum, { pages }) => sum + PAGE * pages.reduce((count, page) => count + page, 0),
      0,
    );
  }

  private smallest(wanted: number): Piece | undefined {
    let best: Piece | undefined;
    for (const piece of this.free) {
      if (piece.bytes < wanted) continue;
      if (best === undefined || order(piece, best) < 0) best = piece;
    }
    return best;
  }

  private extend(wanted: number): Piece {
    const enough = this.next >= wanted;
    while (this.next < wanted) this.next *= 2;
    const bytes = this.next;
    if (enough) this.next *= 2;
    const region = { index: this.regions.length, pages: new Uint8Array(Math.ceil(bytes / PAGE)) };
    this.regions.push(region);
    return { region, offset: 0, bytes, free: true, before: undefined, after: undefined };
  }

  private split(piece: Piece, bytes: number): void {
    const rest: Piece = {
      region: piece.region,
      offset: piece.offset + bytes,
      bytes: piece.bytes - bytes,
      free: true,
      before: piece,
      after: piece.after,
    };
    if (piece.after) piece.after.before = rest;
    piece.after = rest;
    piece.bytes = bytes;
    this.free.add(rest);
  }

  private join(piece: Piece, next: Piece): void {
    this.free.delete(next);
    piece.bytes += next.bytes;
    piece.after = next.after;
    if (next.after) next.after.before = piece;
  }
}

/** Smaller pieces first, equal ones in the order of their addresses. */
const order = (a: Piece, b: Piece): number =>
  a.bytes - b.bytes || a.region.index - b.region.index || a.offset - b.offset;
