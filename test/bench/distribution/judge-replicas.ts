// Judges that wait for the network: processes of the judge service, each with so many requests at a time to an API that takes its time
// to answer, behind one address; and how fast they judge questions as a run of the pipeline has them judged.
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openStore } from '@overtone/artifacts';
import { JudgeServiceClient, ScorerServiceClient } from '@overtone/contracts';
import { Supervisor } from '@overtone/experiment';
import { describeJudge, judgeQuestions, parseJudgeSpec } from '@overtone/experiment/judging';
import { connect, connectReplicas, type Remote } from '@overtone/rpc';
import { JudgeApi } from '../../../libs/judging/src/openai/judge-api.fixture.ts';

/** What is measured. */
export interface ReplicaOptions {
  /** How long the API takes for an answer, milliseconds. */
  readonly delayMs: number;
  /** Requests at a time, replica by replica. */
  readonly concurrency: readonly number[];
}

/** What a round of judging came to. */
export interface Judged {
  readonly seconds: number;
  readonly comparisons: number;
  /** Hash of all verdicts: what is judged does not depend on who judges it. */
  readonly verdicts: string;
  /** Answers that the API was asked for more than once. */
  readonly paidTwice: number;
}

const SOLUTIONS = ['a', 'bb', 'ccc', 'dddd'];
/** Comparisons of a question: every pair in both orders. */
export const COMPARISONS_EACH = SOLUTIONS.length * (SOLUTIONS.length - 1);

/** Running judges. */
export class JudgeReplicas {
  readonly #api: JudgeApi;
  readonly #supervisor: Supervisor;
  readonly #scorer: Remote<typeof ScorerServiceClient.service>;
  readonly #folder: string;
  /** host:port of each replica. */
  readonly addresses: readonly string[];
  #rounds = 0;

  private constructor(
    api: JudgeApi,
    supervisor: Supervisor,
    scorer: Remote<typeof ScorerServiceClient.service>,
    folder: string,
    addresses: readonly string[],
  ) {
    this.#api = api;
    this.#supervisor = supervisor;
    this.#scorer = scorer;
    this.#folder = folder;
    this.addresses = addresses;
  }

  /** Starts an API, a scorer, and a judge for every entry of `concurrency`. */
  static async start({ delayMs, concurrency }: ReplicaOptions): Promise<JudgeReplicas> {
    const api = new JudgeApi({ delayMs });
    const supervisor = new Supervisor();
    const baseUrl = await api.start();
    const [scorer = '', ...judges] = await Promise.all([
      supervisor.start('scorer', {}),
      ...concurrency.map((most, index) =>
        supervisor.start(
          'judge',
          {
            OVERTONE_JUDGE: 'openai',
            OVERTONE_JUDGE_BASE_URL: baseUrl,
            OVERTONE_JUDGE_MODEL: 'arbiter',
            OVERTONE_JUDGE_MODE: 'logprobs',
            OVERTONE_JUDGE_CONCURRENCY: String(most),
          },
          `judge-${index + 1}`,
        ),
      ),
    ]);
    const folder = await mkdtemp(join(tmpdir(), 'overtone-replicas-'));
    return new JudgeReplicas(api, supervisor, connect(ScorerServiceClient, scorer), folder, judges);
  }

  /**
   * Has questions judged by some of the replicas behind one address.
   *
   * @param replicas which of them, by index.
   */
  async judge(replicas: readonly number[], questions: number): Promise<Judged> {
    const round = this.#rounds++;
    const address = `ipv4:${replicas.map((index) => this.addresses[index]).join(',')}`;
    const remote = connectReplicas(JudgeServiceClient, address);
    const signal = new AbortController().signal;
    const say = (text: string): void => void process.stderr.write(`${text}\n`);
    const { name, settings } = parseJudgeSpec(`api={backend: address, address: "${address}"}`);
    this.#api.paid.clear();
    try {
      const judge = await describeJudge(name, remote, settings, { signal, say });
      const started = performance.now();
      const rows = judgeQuestions(questionsOf(round, questions), {
        scorer: this.#scorer,
        judges: [judge],
        store: openStore(pathToFileURL(join(this.#folder, `round-${round}`)).href),
        signal,
        runId: 'run',
        progress: { say },
      });
      const verdicts = createHash('sha256');
      let comparisons = 0;
      for (;;) {
        const next = await rows.next();
        if (next.done === true) {
          comparisons = next.value[0]?.callsNow ?? 0;
          break;
        }
        verdicts.update(JSON.stringify(next.value.verdicts));
      }
      const seconds = (performance.now() - started) / 1000;
      const paidTwice = [...this.#api.paid.values()].filter((times) => times > 1).length;
      return { seconds, comparisons, verdicts: verdicts.digest('hex').slice(0, 16), paidTwice };
    } finally {
      remote.close();
    }
  }

  async close(): Promise<void> {
    this.#scorer.close();
    await this.#supervisor.stop();
    await this.#api.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Questions that no judge has seen before, with the same verdicts in every round. */
async function* questionsOf(round: number, count: number) {
  for (let at = 0; at < count; at++)
    yield {
      id: `q${at}`,
      question: `Question ${at} of round ${round}?`,
      solutions: SOLUTIONS.map((text) => ({ text: `${text} ${at}` })),
    };
}
