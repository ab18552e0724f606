// The adapter that is trained in the benchmark, by us and by PEFT.
import { type LoraConfig } from '@overtone/language-model';

export const LORA = {
  r: 16,
  alpha: 32,
  targetModules: ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
} as const satisfies LoraConfig;
