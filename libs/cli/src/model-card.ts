// A model card, README.md in the hub's format: YAML that the hub reads, then what people ask of an adapter.
import { stringify } from 'yaml';

/** A value that was measured, with its 95 % interval. */
export interface CardMetric {
  /** For example "avg@8". */
  readonly name: string;
  /** What it was measured on, for example "miniature, hard". */
  readonly dataset: string;
  readonly value: number;
  readonly ci95?: readonly [number, number] | undefined;
}

/** A table of the card. */
export interface CardTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What a card says. What is not known is left out of it. */
export interface ModelCard {
  readonly title: string;
  /** What it is, in a sentence or two. */
  readonly summary: string;
  /** What it was trained from: a name on the hub, a folder, or a file. */
  readonly baseModel: string;
  readonly library: 'peft' | 'transformers';
  readonly tags: readonly string[];
  /** Names of data sets on the hub. */
  readonly datasets: readonly string[];
  readonly metrics: readonly CardMetric[];
  /** How it was trained: what, and its value. */
  readonly training: readonly (readonly [string, string])[];
  /** The signal that it was trained on, and how far that can be trusted. */
  readonly signal?: readonly (readonly [string, string])[] | undefined;
  readonly evaluation?: (CardTable & { readonly note: string }) | undefined;
  /** What to know before it is used. */
  readonly limits: readonly string[];
  readonly versions: readonly (readonly [string, string])[];
}

/** The base model's name on the hub, and its revision; undefined for a folder or file that is on no hub. */
export function hubNameOf(reference: string): { name: string; revision?: string } | undefined {
  // Where the hub's cache keeps it.
  const cached = /models--([\w.-]+?)--([\w.-]+)\/snapshots\/([0-9a-f]{40})/.exec(reference);
  if (cached !== null) return { name: `${cached[1]}/${cached[2]}`, revision: cached[3] ?? '' };
  const named = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([^/]+))?(?:\/[^/]+\.gguf)?$/.exec(reference);
  if (named === null) return undefined;
  return { name: named[1] ?? '', ...(named[2] !== undefined && { revision: named[2] }) };
}

/** A base model as a card names it: nobody else has this machine's folders. */
export function publicName(reference: string): string {
  const parts = reference.split(/[\\/]/).filter(Boolean);
  const last = parts.at(-1) ?? reference;
  // A folder that says no more than what it is goes by the one that it is in.
  const local = /^(model|adapter|final|merged)$/.test(last) ? (parts.at(-2) ?? last) : last;
  return hubNameOf(reference)?.name ?? local;
}

/** The card as a file. */
export function renderModelCard(card: ModelCard): string {
  const sections = [
    `# ${card.title}\n\n${card.summary}\n`,
    usage(card),
    `## Training\n\n${list(card.training)}`,
    ...(card.signal === undefined ? [] : [`## The signal it was trained on\n\n${list(card.signal)}`]),
    ...(card.evaluation === undefined
      ? []
      : [`## Evaluation\n\n${table(card.evaluation)}\n${card.evaluation.note}\n`]),
    `## Intended use and limits\n\n${card.limits.map((limit) => `- ${limit}\n`).join('')}`,
    `## Versions\n\n${list(card.versions)}`,
  ];
  return `---\n${stringify(frontMatter(card))}---\n\n${sections.join('\n')}`;
}

function frontMatter({ baseModel, library, tags, datasets, metrics, title }: ModelCard): object {
  const base = hubNameOf(baseModel);
  const names = [...new Set(metrics.map(({ name }) => name))];
  return {
    ...(base !== undefined && {
      base_model: base.name,
      base_model_relation: library === 'peft' ? 'adapter' : 'finetune',
    }),
    library_name: library,
    pipeline_tag: 'text-generation',
    tags: [...tags],
    ...(datasets.length > 0 && { datasets: [...datasets] }),
    ...(metrics.length > 0 && {
      metrics: ['accuracy'],
      'model-index': [
        {
          name: title,
          results: [...new Set(metrics.map(({ dataset }) => dataset))].map((dataset) => ({
            task: { type: 'text-generation' },
            dataset: { name: dataset, type: dataset.replaceAll(/[^\w-]+/g, '-') },
            metrics: names.flatMap((name) =>
              metrics
                .filter((metric) => metric.dataset === dataset && metric.name === name)
                .map(({ value, ci95 }) => ({
                  type: 'accuracy',
                  name: ci95 === undefined ? name : `${name}, 95 % interval [${ci95.map(share).join(', ')}]`,
                  value: Number(value.toFixed(4)),
                })),
            ),
          })),
        },
      ],
    }),
  };
}

const share = (value: number): string => value.toFixed(3);

function usage({ baseModel, library, title }: ModelCard): string {
  const base = hubNameOf(baseModel);
  const from = base?.name ?? 'path/to/base-model';
  const revision = base?.revision === undefined ? '' : `, revision=${JSON.stringify(base.revision)}`;
  const here = library === 'peft' ? 'path/to/this-adapter' : 'path/to/this-model';
  const python =
    library === 'peft'
      ? `from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(${JSON.stringify(from)}${revision})
model = AutoModelForCausalLM.from_pretrained(${JSON.stringify(from)}${revision})
model = PeftModel.from_pretrained(model, ${JSON.stringify(here)})`
      : `from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(${JSON.stringify(here)})
model = AutoModelForCausalLM.from_pretrained(${JSON.stringify(here)})`;
  const model = base === undefined ? from : baseModel.includes('models--') ? base.name : baseModel;
  const overtone =
    library === 'peft'
      ? `overtone eval questions.jsonl --model ${model} --adapter ${here}\novertone export model --model ${model} --adapter ${here} --out merged`
      : `overtone eval questions.jsonl --model ${here}`;
  const what = base === undefined ? `, of the base model ${publicName(baseModel)}, which is on no hub` : '';
  return `## How to load it\n\n\`${title}\`${what}:\n\n\`\`\`python\n${python}\n\`\`\`\n\n\`\`\`sh\n${overtone}\n\`\`\`\n`;
}

const list = (entries: readonly (readonly [string, string])[]): string =>
  entries.map(([name, value]) => `- **${name}**: ${value}\n`).join('');

function table({ header, rows }: CardTable): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return line(header) + line(header.map(() => '---')) + rows.map(line).join('');
}
