// A model folder without weights: the files from which the trainer starts a new world.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { miniatureConfig } from './config.ts';
import { miniatureTokenizer } from './tokenizer.ts';
import { worldRecipe } from './recipe.ts';

/**
 * Writes `config.json`, `tokenizer.json`, `tokenizer_config.json` and `generation_config.json` to a folder, which is
 * created where missing. The same files, byte for byte, every time.
 */
export async function writeModelFolderFiles(folder: string): Promise<void> {
  const { tokenizer, tokenizerConfig, vocabularySize, padId, endId } = miniatureTokenizer();
  const files = {
    'config.json': miniatureConfig(vocabularySize),
    'tokenizer.json': tokenizer,
    'tokenizer_config.json': tokenizerConfig,
    'generation_config.json': {
      do_sample: true,
      temperature: worldRecipe.generation.temperature,
      top_p: worldRecipe.generation.topP,
      eos_token_id: endId,
      pad_token_id: padId,
    },
  };
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
  }
}

/** The folder of the default world's model, in Hugging Face layout. */
export const modelFolder: string = fileURLToPath(new URL('../model', import.meta.url));
