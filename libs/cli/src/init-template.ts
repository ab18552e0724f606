// The commented experiment file that `overtone init` writes. A key that is commented out has its default as its value, unless its comment
// says "absent"; the tests hold that, and that every key is here, against the schema.

/** Kinds of tasks. */
export const TASK_KINDS = ['chain-sum', 'gsm8k', 'jsonl', 'parquet'] as const;
export type TaskKind = (typeof TASK_KINDS)[number];

/** What a file is written for. */
export interface TemplateOptions {
  readonly name: string;
  readonly task: TaskKind;
  /** A folder or .gguf file, relative to the file; or owner/name on the hub. */
  readonly model: string;
}

/** The text of an experiment file. */
export function experimentTemplate({ name, task, model }: TemplateOptions): string {
  return `# An Overtone experiment. What is commented out is the default, or, where the comment says "absent", may be left out.
#   overtone plan FILE                   what it would do, and what that takes
#   overtone run FILE --out runs/NAME    run it; the same command continues a run that was interrupted

name: ${JSON.stringify(name)} # in the report
model: ${JSON.stringify(model)} # Hugging Face layout, relative to this file; a .gguf file; owner/name[@revision] on the hub

# Questions. Those of \`train\` are sampled, and the saturated ones (all samples correct) are trained on; \`development\` is for choosing
# learning rates and steps; \`easy\` and \`hard\` are measured, and no split may share questions with another.
${TASKS[task]}
${COMMON}`;
}

const SPLIT_NOTE = `  # of each split:
  #   count: all of them after the offset when absent
  #   offset: 0       questions to leave out first
  #   seed: 1         absent: they keep their order`;

const WORDED = `  # prompt: "{question}"            # around the question; default: asks to work step by step, with the answer in \\boxed{}
  # examples: { count: 4, seed: 0 } # absent: none. Solved examples, some of the training questions; or a list of { question, solution }
  # verifier: ./verifier.ts         # absent: the number in \\boxed{}, after ####, … A module with verify(problem, text) => { correct, answered }`;

const FIELDS = `  # fields:                         # absent: by these names
  #   question: question
  #   answer: answer
  #   id: id
  #   difficulty: difficulty`;

const TASKS: Readonly<Record<TaskKind, string>> = {
  'chain-sum': `task:
  kind: chain-sum # "12 + 5 - 3"
  # prompt: "{question}"            # around the question
  # examples: [{ question: "3 + 4", solution: "3 + 4 = 7. \\\\boxed{7}" }] # absent: none. Solved examples before every question
  # verifier: ./verifier.ts         # absent: the number in \\boxed{}. A module with verify(problem, text) => { correct, answered }
  # seed; count: questions; terms: [fewest, most]; max: largest term, or a list of which one is drawn; nonNegative: running totals stay ≥ 0 (false).
  # Or with the parameters of reasoning-gym: { seed, size, minTerms, maxTerms, minDigits, maxDigits, allowNegation }.
  train: { seed: 1, count: 400, terms: [2, 3], max: [9, 20], nonNegative: true }
  development: { seed: 2, count: 60, terms: [8, 8], max: 50, nonNegative: true }
  easy: { seed: 3, count: 60, terms: [2, 3], max: [9, 20], nonNegative: true }
  hard: { seed: 4, count: 120, terms: [8, 8], max: 50, nonNegative: true }
`,
  gsm8k: `task:
  kind: gsm8k
  # path: hf://datasets/openai/gsm8k # absent: the copy that is shipped. A folder with train.jsonl and test.jsonl
${WORDED}
${SPLIT_NOTE}
  #   steps: [2, 3]   absent: all. Only questions that take so many calculations
  train: { split: train, steps: [1, 3], count: 400, seed: 1 }
  development: { split: train, steps: [4, 8], count: 60, seed: 1 }
  easy: { split: test, steps: [1, 3], count: 60, seed: 1 }
  hard: { split: test, steps: [4, 8], count: 120, seed: 1 }
`,
  jsonl: `task:
  kind: jsonl # one {"question", "answer"} a line; compressed where the name ends in .gz, .br or .zst
${WORDED}
${FIELDS}
${SPLIT_NOTE}
  train: { path: questions.jsonl, count: 400, seed: 1 } # relative to this file; or hf://datasets/owner/name[@revision]/path/to/file
  development: { path: development.jsonl }
  easy: { path: easy.jsonl }
  hard: { path: hard.jsonl }
`,
  parquet: `task:
  kind: parquet # one record a row
${WORDED}
${FIELDS}
${SPLIT_NOTE}
  train: { path: questions.parquet, count: 400, seed: 1 } # relative to this file; or hf://datasets/owner/name[@revision]/path/to/file
  development: { path: development.parquet }
  easy: { path: easy.parquet }
  hard: { path: hard.parquet }
`,
};

const COMMON = `# How training questions are sampled. Temperature 1 and top-p 1 draw from the model's own distribution.
sampling:
  # samples: 8          # a question
  temperature: 1        # 0 is greedy; default 0.6
  topP: 1               # nucleus, a share in (0, 1]; default 0.95
  # maxNewTokens: 256   # tokens a sample, at most
  # stop: []            # texts that end a sample
  # seed: 0
  # chunk: 32           # questions that a killed run may lose

# Who compares solutions, by names of your own. Of every judge also:
#   plan: all-pairs     or swiss, sorting, active: which pairs are asked for
#   maxPairs: 12        absent: the plan decides. Pairs of a question, at most
#   budget: { calls: 20000, tokens: 5000000, currency: { amount: 5, promptPerMillion: 0.4, completionPerMillion: 1.6 } }   absent: no limit
#   patienceSeconds: 1800   how long a judge that is down is waited for
judges:
  self: { backend: generator } # the model itself
  # thinker: { backend: generator, template: analysis-then-verdict, analysisTokens: 512 } # absent. It writes an analysis first
  # strong:                             # absent. An OpenAI-compatible API; its key: OVERTONE_JUDGE_API_KEY
  #   backend: openai
  #   baseUrl: https://api.openai.com/v1
  #   model: some-model                 # absent: the only one of the server
  #   apiKeyFile: ./key                 # absent: OVERTONE_JUDGE_API_KEY, OVERTONE_JUDGE_API_KEY_FILE
  #   mode: auto                        # logprobs, json-schema, text
  #   maxTokens: 600                    # absent: those of the analysis and 32
  #   concurrency: 16                   # requests at a time
  #   retries: 4
  #   timeoutSeconds: 120
  #   parameters: { reasoning_effort: low } # absent: none. Further parameters of every request
  # mine: { backend: address, address: "localhost:50051" } # absent. Anything that implements judge.proto
  rubric: { backend: rubric } # deterministic, for arithmetic

# The stronger judge that signals are checked against before anything is trained.
audit:
  judge: rubric
  # groups: 60          # absent: all. Saturated questions to audit

# What may tell good solutions from better ones. Most of them also take reversed: false (true prefers the least, a control),
# and also residualiseLength: false (true takes away what length explains).
signals:
  random: { method: random, seed: 1 } # a control
  entropy: { method: inverse-entropy } # or inverse-top-entropy, mean-logprob, brevity
  self-judge: { method: bradley-terry, judge: self } # or wins
  # panel: { method: panel, judges: [self, rubric] } # absent. Judges count by their estimated reliability
  # both: { method: combination, parts: [{ signal: entropy, weight: 1 }, { signal: self-judge, weight: 1 }] } # absent

# How to learn from scored solutions. The settings of training, from \`lora\` on, are explained once, and are the same for every objective.
objectives:
  sft:
    type: sft
    # choose: best      # the solution to learn from: best, top-k, random, all, weighted
    # k: 2              # absent: of top-k alone
    # attenuate: off    # absent: off. auto: as the signal's card recommends; of sft, dpo, rrhf, simpo
    lora: &lora # low-rank adaptation
      # r: 16
      # alpha: 32       # the scale is alpha / r
      targetModules: [] # every linear layer
      # useRslora: true # absent: no. The scale is alpha / √r
      # dropout: 0.05   # absent: 0. A probability
    optimizer: &optimizer # AdamW
      learningRate: 4.0e-4
      # warmupRatio: 0.1  # share of the steps
      # schedule: cosine  # linear, constant, warmup-stable-decay
      # weightDecay: 0
      # maxGradNorm: 1    # 0 does not clip
      # beta1: 0.9
      # beta2: 0.999
    steps: 100
    groupsPerStep: 16   # questions a step
    # maxLength: 512    # tokens a sequence, at most
    # microBatches: 2   # absent: 1. Runs that a step is spread over, to save memory
    # gradientCheckpointing: true # absent: no. Half the memory for a third more work
    # maxLossRatio: 100 # absent: 100. Stop at a loss above so many times the median
    # alarms: { maxKl: 0.25, minEntropyRatio: 0.1, action: stop } # absent: these. What ends a training that destroys its policy; warn, off
    # selection:        # absent: the last step is taken. Choose on \`development\`:
    #   snapshotEverySteps: 20          # 0: the last alone
    #   learningRates: [2.0e-4, 4.0e-4] # absent: the optimiser's alone
    #   scope: each-seed                # or first-seed
    #   samples: 4                      # absent: those of \`evaluation\`
    #   patience: 2                     # absent: train to the end
    #   halving: true                   # absent: every rate is trained to the end
  sft-random: # a control: what any solution teaches
    { type: sft, choose: random, lora: *lora, optimizer: *optimizer, steps: 100, groupsPerStep: 16 }
  dpo:
    type: dpo
    # beta: 5                # inverse temperature of the implicit reward
    # lossType: sigmoid      # absent: sigmoid. hinge, ipo, robust, sigmoid_norm
    # labelSmoothing: 0.1    # absent: 0. Share of preferences that are wrong
    # scoreMargin: 0.5       # absent: 0. Margin for each unit of score
    optimizer: { learningRate: 3.0e-4 }
    steps: 80
    groupsPerStep: 16
  # Others, with their defaults, but for bradleyTerryWeights: false, labelSmoothing: 0 and epsilonHigh, which is epsilon:
  # rrhf-bt: # absent
  #   { type: rrhf, rankWeight: 0.1, bradleyTerryWeights: true, labelSmoothing: 0.1, lora: *lora, optimizer: *optimizer, steps: 100, groupsPerStep: 16 }
  # simpo: # absent
  #   { type: simpo, beta: 2, simpoGamma: 1, lora: *lora, optimizer: *optimizer, steps: 100, groupsPerStep: 16 }
  # orpo: # absent
  #   { type: orpo, beta: 0.1, lora: *lora, optimizer: *optimizer, steps: 100, groupsPerStep: 16 }
  # kto: # absent
  #   { type: kto, beta: 5, desirableWeight: 1, undesirableWeight: 1, lora: *lora, optimizer: *optimizer, steps: 100, groupsPerStep: 16 }
  # plackett-luce: # absent
  #   { type: plackett-luce, beta: 5, lora: *lora, optimizer: *optimizer, steps: 100, groupsPerStep: 16 }
  # grpo: # absent
  #   { type: grpo, lossType: dapo, importanceSamplingLevel: token, epsilon: 0.2, epsilonHigh: 0.28, beta: 0, maxCompletionLength: 512, lora: *lora, optimizer: *optimizer, steps: 100, groupsPerStep: 16 }

# What is trained: signal × objective. The base model is always measured too.
arms:
  - { name: sft/random, signal: random, objective: sft-random }
  - { name: sft/entropy, signal: entropy, objective: sft }
  - { signal: self-judge, objective: sft } # its name is objective/signal
  - { signal: self-judge, objective: dpo }
  # - { name: sft/twice, signal: self-judge, objective: sft, attenuate: auto, rounds: 2 } # absent. Attenuated; sampled, scored and trained twice

seeds: [1] # every arm is trained once with each

# How the easy and hard questions are measured.
evaluation:
  # samples: 8          # a question: the k of avg@k
  # temperature: 0.6
  # topP: 0.95
  # maxNewTokens: 256
  # stop: []
  # seed: 0
  bootstrapSeed: 0      # of the intervals

# generator: { backend: engine } # what samples: the embedded engine, or an OpenAI-compatible server:
#   backend: openai; baseUrl: http://localhost:8000/v1; model: its id there; concurrency: 32; retries: 8; timeoutSeconds: 600;
#   entropy: engine (top-k, none); topLogprobs: 20; vocabulary: tokens; adapters: 8; adapterPath: { here: runs, there: /mnt/runs }

# engine:                 # absent: these
#   device: cpu           # cuda, webgpu: see "overtone doctor"
#   precision: float32    # float16, int8
#   threads: 2            # absent: one worker a core

# services:               # absent: all are started here. host:port of those that run elsewhere:
#   generator: gpu:50051  # absent
#   scorer: gpu:50052     # absent
#   trainer: gpu:50053    # absent
#   evaluator: gpu:50054  # absent
#   artifacts: file:///shared/artifacts # or s3://bucket/prefix; absent: in the run folder
#   streams: 2            # at a time, to the generator and to each judge; absent: one to each server an address stands for

# concurrency:
#   training: 1           # jobs at a time
#   evaluation: 1
`;
