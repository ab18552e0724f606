// How an adapter was trained, as its card says it: objective and hyper-parameters, in the names of the experiment file.
import { z } from 'zod';

/** An objective of a configuration, of which a card wants whatever there is. */
const settings = z.record(z.string(), z.unknown());

/** What is said apart, or is about choosing, not about training. */
const LATER = new Set(['type', 'optimizer', 'lora', 'selection', 'alarms']);

function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(', ') || 'all';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const pairs = (value: unknown): string =>
  Object.entries(settings.catch({}).parse(value))
    .map(([name, each]) => `${name} ${plain(each)}`)
    .join('; ');

/** The settings of an objective, for a card. */
export function trainingFacts(objective: unknown): [string, string][] {
  const all = settings.catch({}).parse(objective);
  const own = Object.fromEntries(Object.entries(all).filter(([name]) => !LATER.has(name)));
  const facts: [string, string][] = [['Objective', plain(all['type'] ?? 'unknown')]];
  if (Object.keys(own).length > 0) facts.push(['Settings', pairs(own)]);
  if (all['lora'] !== undefined) facts.push(['LoRA', pairs(all['lora'])]);
  if (all['optimizer'] !== undefined) facts.push(['AdamW', pairs(all['optimizer'])]);
  if (all['selection'] !== undefined)
    facts.push(['Selection on the development split', pairs(all['selection'])]);
  return facts;
}
