// The card of a model with an adapter merged into it: what it was made of, and all that the adapter's own card says.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAdapter } from '@overtone/language-model';
import { OVERTONE_VERSION } from './version.ts';
import { publicName, renderModelCard } from './model-card.ts';

/**
 * README.md of a merged model.
 *
 * @param model the base model, as it was asked for.
 * @param adapter the adapter's folder.
 * @throws ModelError where the adapter cannot be read.
 */
export async function mergedCard(model: string, adapter: string): Promise<string> {
  const { lora } = await readAdapter(adapter);
  const from = publicName(model);
  const own = join(adapter, 'README.md');
  const card = renderModelCard({
    title: `${from} with ${publicName(adapter)} merged`,
    summary: `${from} with a LoRA adapter merged into its weights by \`overtone export model\`.`,
    baseModel: model,
    library: 'transformers',
    tags: ['overtone', 'merged'],
    datasets: [],
    metrics: [],
    training: [
      ['Base model', from],
      ['Adapter', publicName(adapter)],
      ['LoRA', `r ${lora.r}; alpha ${lora.alpha}; ${lora.targetModules.join(', ')}`],
    ],
    limits: ['It inherits the licence, the uses and the biases of the base model.'],
    versions: [
      ['Overtone', OVERTONE_VERSION],
      ['Node', process.version],
    ],
  });
  if (!existsSync(own)) return card;
  // Without its YAML, one level further down.
  const text = readFileSync(own, 'utf8').replace(/^---\n[\s\S]*?\n---\n+/, '');
  return `${card}\n${text.replaceAll(/^#(?=#* )/gm, '##')}`;
}
