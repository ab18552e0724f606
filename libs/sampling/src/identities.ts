// Objects as parts of keys.

/** Numbers for objects: the same for the same object, another for every other. */
export class Identities {
  private readonly known = new WeakMap<object, number>();
  private next = 0;

  /** The object's number; that of none is −1. */
  of(object: object | undefined): number {
    if (!object) return -1;
    const number = this.known.get(object) ?? this.next++;
    this.known.set(object, number);
    return number;
  }
}
