// A model's name on the hub: owner/name, which may go on with a GGUF file in it and with @revision.

/** A model on the hub. */
export interface HubReference {
  /** `owner/name`. */
  readonly repository: string;
  /** A branch, a tag or a commit; default main. */
  readonly revision: string;
  /** One GGUF file of the repository. */
  readonly file?: string;
}

const PART = '[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?';
const REFERENCE = new RegExp(
  `^(${PART}/${PART})(?:/([A-Za-z0-9._-]+\\.gguf))?(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?$`,
);

/** Reads `owner/name`, `owner/name@revision` or `owner/name/file.gguf@revision`; undefined for anything else. */
export function parseHubReference(text: string): HubReference | undefined {
  const match = REFERENCE.exec(text);
  if (!match || text.includes('..') || text.includes('--')) return undefined;
  const [, repository = '', file, revision = 'main'] = match;
  return { repository, revision, ...(file === undefined ? {} : { file }) };
}

/** Whether a revision is a commit, which never changes. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}
