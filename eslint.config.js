// Lint: TypeScript's type-checked rules, and the house's floors as Nx module boundaries.
import { createProjectGraphAsync } from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

// Without a project graph in its cache, as in a fresh clone, the rule on module boundaries would skip itself.
await createProjectGraphAsync();

// What each room may import: rooms from below, and only those that it needs. Nx reads a room's name from the tag in its package.json.
const ground = ['statistics', 'telemetry', 'artifacts'];
const floors = {
  contracts: [],
  statistics: [],
  // For seeded randomness alone.
  tasks: ['statistics'],
  telemetry: [],
  artifacts: [],
  rpc: ['contracts', 'telemetry'],
  openai: ['statistics', 'telemetry'],
  signals: ['contracts', 'statistics', 'tasks', 'telemetry'],
  judging: ['contracts', 'statistics', 'tasks', 'telemetry', 'rpc', 'openai'],
  tensor: ['statistics', 'telemetry'],
  'language-model': [...ground, 'tensor'],
  sampling: [...ground, 'tensor', 'language-model'],
  training: [...ground, 'tensor', 'language-model'],
  miniature: ['contracts', 'statistics', 'tasks', 'telemetry', 'judging', 'language-model'],
  // A service sees every library below it, and never another service.
  service: [
    ...ground,
    'contracts',
    'tasks',
    'rpc',
    'openai',
    'signals',
    'judging',
    'tensor',
    'language-model',
    'sampling',
    'training',
  ],
  report: ['statistics'],
  // The pipeline reaches models through gRPC alone, so that five local processes and a cluster are the same to it.
  experiment: [...ground, 'contracts', 'tasks', 'rpc', 'signals', 'report'],
  // Models are fetched, described and exported, devices tried, and memory predicted, without a service.
  cli: [
    ...ground,
    'contracts',
    'tasks',
    'rpc',
    'report',
    'miniature',
    'experiment',
    'language-model',
    'tensor',
    'sampling',
    'training',
  ],
};

export default tseslint.config(
  { ignores: ['**/node_modules/', 'libs/*/src/gen/', '.nx/', 'runs/', 'out/', 'coverage/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          depConstraints: Object.entries(floors).map(([room, below]) => ({
            sourceTag: `room:${room}`,
            onlyDependOnLibsWithTags: below.map((name) => `room:${name}`),
          })),
        },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
      ],
      // An AbortSignal's reason is whatever its owner chose.
      '@typescript-eslint/prefer-promise-reject-errors': [
        'error',
        { allowThrowingAny: true, allowThrowingUnknown: true },
      ],
      // Interfaces ask for promises of those who have nothing to wait for, too.
      '@typescript-eslint/require-await': 'off',
      // TensorFlow.js hands out kernels and ops that never use `this`.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.test.ts'],
    // Matchers such as expect.any() and parsed expectations are `any` by nature.
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off', '@typescript-eslint/no-unsafe-return': 'off' },
  },
);
