// A report with everything that the page can show, for tests.
import type { BrowsedQuestion, PageMaterial } from './page-material.ts';
import { buildReport, type MeasuredRun } from './build.ts';
import type { QuestionOutcome } from './question-outcome.ts';
import { reportedSignalSchema, type Report } from './schema.ts';

function outcomes(split: string, correct: number): QuestionOutcome[] {
  return Array.from({ length: 12 }, (_, index) => ({
    problemId: `${split} ${index}`,
    difficulty: `terms=${2 + (index % 2)}`,
    samples: 4,
    correct: Math.min(4, Math.max(0, correct + (index % 3) - 1)),
    tokens: 40,
    truncated: 0,
    unanswered: 0,
    styles: {
      steps: { samples: correct, correct, tokens: 20 },
      terse: { samples: 4 - correct, correct: 0, tokens: 20 },
    },
  }));
}

function run(seed: number | null, hard: number): MeasuredRun {
  return {
    seed,
    learningRate: seed === null ? null : 0.0005,
    step: seed === null ? null : 10,
    development: null,
    outcomes: { easy: outcomes('easy', 3), hard: outcomes('hard', hard) },
  };
}

const round = { saturated: 3, noLonger: 0, newly: 0, accuracy: 0.8 };

/** The report. */
export const FULL_REPORT: Report = buildReport({
  name: 'everything <b>',
  model: { name: 'a model', sha256: 'ab'.repeat(32), parameters: 7000 },
  saturation: { questions: 20, saturated: 5, accuracy: 0.8 },
  signals: ['entropy', 'self-judge'].map((name, index) =>
    reportedSignalSchema.parse({
      name,
      method: 'wins',
      judge: index === 0 ? null : 'self',
      kappa: 0.5 + index / 5,
      kappaCi95: [0.4 + index / 5, 0.6 + index / 5],
      tau: null,
      tauCi95: null,
      orderConsistency: 0.7,
      positionBias: 0,
      unreadable: 0,
      intransitivity: 0,
      lengthCorrelation: 0.2,
      groups: 5,
      auditedPairs: 40,
      recommendation: index === 0 ? 'attenuate' : 'use',
      reason: 'A reason.',
      flipRate: { value: 0.1, ci95: [0.05, 0.15] },
      reliability: [{ lower: 0.5, upper: 0.6, pairs: 12, confidence: 0.55, accuracy: 0.6 }],
    }),
  ),
  judges: [
    {
      name: 'self',
      backend: 'generator',
      plan: 'all-pairs',
      calls: 80,
      promptTokens: 1200,
      completionTokens: 80,
      cost: 0.01,
      budget: null,
      pairs: 40,
      unreadable: 0,
      groups: 5,
      unjudged: 0,
    },
  ],
  arms: [
    { name: 'base', signal: null, objective: null, runs: [run(null, 1)] },
    { name: 'sft/self-judge', signal: 'self-judge', objective: 'sft', runs: [run(1, 3), run(2, 3)] },
    {
      name: 'dpo/entropy',
      signal: 'entropy',
      objective: 'dpo',
      runs: [1, 2].map((seed) => ({
        ...run(seed, 2),
        rounds: [1, 2].map((number) => ({ ...round, round: number, ...run(seed, number) })),
      })),
    },
  ],
  samples: 4,
  seed: 1,
  timings: { sample: 2, train: 30 },
});

const question = (id: number): BrowsedQuestion => ({
  id: `q${id}`,
  question: `${id} + 1 <script>`,
  answer: String(id + 1),
  difficulty: 'terms=2',
  solutions: ['slow, slow\nand right', 'fast', 'fast', 'mid'].map((text, index) => ({
    text,
    tokens: text.length,
    meanEntropy: 0.1 * (index + 1),
    style: 'steps',
    ends: [2, text.length, text.length],
    entropies: [120, 5, 40],
  })),
  scores: {
    entropy: { score: [0.4, 0.3, 0.3, 0.2], error: [0, 0, 0, 0] },
    'self-judge': { score: [2, 0, 0, 1], error: [0.5, 0.5, 0.5, 0.5] },
  },
  verdicts: {
    self: [
      [0, 1, 0.9, 0.8],
      [0, 3, 0.7, 0.4],
      [1, 3, null, 0.2],
    ],
  },
});

/** What its page shows besides. */
export const FULL_MATERIAL: PageMaterial = {
  curves: [1, 2].flatMap((seed) =>
    ['sft/self-judge', 'dpo/entropy'].map((arm) => ({
      arm,
      seed,
      round: 1,
      learningRate: null,
      points: [1, 2, 3].map((step) => ({ step, values: { loss: seed / step, kl: step / 9, tokens: 5 } })),
    })),
  ),
  costs: [
    {
      stage: 'sample',
      unit: 'solutions',
      calls: 80,
      tokens: 800,
      promptTokens: null,
      seconds: 2,
      money: null,
    },
    {
      stage: 'compare: self',
      unit: 'comparisons',
      calls: 80,
      tokens: 80,
      promptTokens: 1200,
      seconds: null,
      money: 0.01,
    },
  ],
  services: [{ service: 'generator', operation: 'Generate', calls: 3, busy: 2, total: 4 }],
  timeline: [
    { lane: 'sample', start: 0, end: 2 },
    { lane: 'train', start: 2, end: 32 },
  ],
  browser: {
    judges: { entropy: [], 'self-judge': ['self'] },
    auditor: 'strong',
    audited: null,
    questions: [question(1), question(2), question(3)],
    ofQuestions: 5,
    answers: [1, 2].map((id) => ({
      id: `h${id}`,
      question: `${id} + 2`,
      answer: String(id + 2),
      difficulty: '',
      arms: {
        base: [
          { text: 'no', correct: false, tokens: 1 },
          { text: 'yes', correct: true, tokens: 1 },
        ],
        'sft/self-judge': [
          { text: 'yes', correct: true, tokens: 1 },
          { text: 'yes', correct: true, tokens: 1 },
        ],
      },
    })),
    ofAnswers: 12,
    seed: 1,
  },
  provenance: { configuration: 'name: <everything>\n', facts: [['Overtone', '0.1.0']] },
};
