// The artifact store's interface: what every room may expect of it, wherever the bytes lie.

/** A reference to an object by its content. The shape of the contracts' message of the same name. */
export interface ArtifactRef {
  /** Lower-case hexadecimal SHA-256 of the object's bytes; for a folder, of its manifest. */
  sha256: string;
  /** Media type, for example "application/jsonl". */
  mediaType: string;
}

/** What every long operation takes. */
export interface StoreOptions {
  /** Ends the operation; nothing half-done becomes visible. */
  readonly signal?: AbortSignal | undefined;
}

/** Content-addressed objects, folders of them, and keys that lead to results. Safe for many processes at once. */
export interface ArtifactStore {
  /** The URI that it was opened with. */
  readonly uri: string;

  /** Stores bytes, given at once or in pieces that are never held together. The same bytes are stored once. */
  put(
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    mediaType: string,
    options?: StoreOptions,
  ): Promise<ArtifactRef>;

  /** Whether the object, or the folder's manifest, is here. */
  has(ref: ArtifactRef): Promise<boolean>;

  /** The object's size, bytes; undefined when it is not here. Its bytes are not looked at. */
  size(ref: ArtifactRef): Promise<number | undefined>;

  /** The object's bytes. Throws when it is missing, and when its bytes are not those of its name, naming where they lie. */
  get(ref: ArtifactRef, options?: StoreOptions): Promise<Uint8Array>;

  /** A local file with the object's bytes, read-only and shared: never write into it. Verified each time, like `get`. */
  openFile(ref: ArtifactRef, options?: StoreOptions): Promise<string>;

  /** Stores a folder's files (recursively, by their relative paths; no links) under one reference. */
  putFolder(folder: string, mediaType: string, options?: StoreOptions): Promise<ArtifactRef>;

  /** A local folder with the files of `ref`, read-only and shared: never write into it. Every file's hash is verified when the folder is first made. */
  openFolder(ref: ArtifactRef, options?: StoreOptions): Promise<string>;

  /** Writes one JSON value a line; rows are written as they come. Default media type "application/jsonl". */
  writeJsonl(
    rows: Iterable<unknown> | AsyncIterable<unknown>,
    mediaType?: string,
    options?: StoreOptions,
  ): Promise<ArtifactRef>;

  /**
   * Reads one row a line, as the reader asks for them. `parse` turns a line's JSON into a row and throws what is wrong with it;
   * errors name the artifact and the line. The whole artifact's hash is verified before the first row.
   */
  readJsonl<Row>(
    ref: ArtifactRef,
    parse: (value: unknown) => Row,
    options?: StoreOptions,
  ): AsyncGenerator<Row>;

  /** Lets `key` (see hashKey) lead to `ref`, replacing what it led to. Atomic: readers see the old or the new one. */
  bind(key: string, ref: ArtifactRef): Promise<void>;

  /** What `key` leads to, or undefined, also when the object itself is gone, so that the result is made again. */
  resolve(key: string): Promise<ArtifactRef | undefined>;
}
