// The settings of a run's configuration by their paths, so that those of two runs can be laid side by side.

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Settings as text by path, for example "sampling.temperature" to "0.6". Arms go by their names, and an objective of an arm that is one
 * of `objectives` by its name, so that a changed objective is one difference and not one for each arm.
 */
export function settingsOfRun(configuration: unknown): Map<string, string> {
  const settings = new Map<string, string>();
  if (!isRecord(configuration)) return settings;
  const { arms, objectives, ...others } = configuration;
  const named = isRecord(objectives) ? objectives : {};
  const texts = new Map(Object.entries(named).map(([name, objective]) => [JSON.stringify(objective), name]));
  flatten({ ...others, objectives: named }, '', settings);
  for (const arm of Array.isArray(arms) ? arms : []) {
    if (!isRecord(arm)) continue;
    const { name, objective, ...rest } = arm;
    const known = texts.get(JSON.stringify(objective));
    flatten({ ...rest, objective: known ?? objective }, `arms.${String(name)}`, settings);
  }
  return settings;
}

function flatten(value: unknown, path: string, into: Map<string, string>): void {
  if (isRecord(value) && Object.keys(value).length > 0) {
    for (const [key, part] of Object.entries(value))
      flatten(part, path === '' ? key : `${path}.${key}`, into);
    return;
  }
  if (value !== undefined) into.set(path, typeof value === 'string' ? value : JSON.stringify(value));
}
