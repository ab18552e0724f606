// Everything that the page of a run shows besides report.json, read from its folder.
import { deflateRawSync } from 'node:zlib';
import type { BrowserData, PageMaterial, Report } from '@overtone/report';
import {
  auditedSignal,
  firstGroups,
  judgedQuestions,
  judgesOfSignals,
  mostTelling,
} from './judged-questions.ts';
import { measuredAnswers, mostDivided } from './measured-answers.ts';
import { provenanceOf } from './provenance.ts';
import { RunArtifacts } from './run-artifacts.ts';
import { stageCosts } from './stage-costs.ts';
import { traceTimes } from './trace-times.ts';
import { trainingCurves } from './training-curves.ts';

/** The most that the questions to look at may weigh, compressed, in bytes: the page is to stay below 5 MB. */
const HEAVIEST = 2_000_000;

/** Reads a run folder. @throws InputError when it holds no run. */
export async function readPageMaterial(folder: string, report: Report): Promise<PageMaterial> {
  const run = new RunArtifacts(folder);
  const times = await traceTimes(folder);
  return {
    curves: chosenCurves(await trainingCurves(run), report),
    costs: await stageCosts(run, report),
    ...(times !== undefined && { services: times.services, timeline: times.timeline }),
    browser: await browserData(run, report),
    provenance: provenanceOf(run, report),
  };
}

/** Of the learning rates that were tried, the one that was taken. */
function chosenCurves(
  curves: Awaited<ReturnType<typeof trainingCurves>>,
  { arms }: Report,
): NonNullable<PageMaterial['curves']> {
  return curves.filter(({ arm, seed, round, learningRate }) => {
    if (learningRate === null) return true;
    const own = arms.find(({ name }) => name === arm)?.perSeed.find((run) => run.seed === seed);
    const rates = own?.rounds?.find((one) => one.round === round) ?? own;
    return rates === undefined || rates.learningRate === learningRate;
  });
}

async function browserData(run: RunArtifacts, report: Report): Promise<BrowserData> {
  const judged = await judgedQuestions(run);
  const measured = await measuredAnswers(
    run,
    report.arms.map(({ name }) => name),
  );
  return lighter({
    judges: judgesOfSignals(run),
    auditor: run.configuration.audit?.judge ?? null,
    audited: auditedSignal(run),
    questions: mostTelling(judged),
    ofQuestions: (await firstGroups(run)).length,
    answers: mostDivided(measured),
    ofAnswers: measured.length,
    seed: run.configuration.seeds[0] ?? null,
  });
}

/** Fewer questions, until they weigh little enough. */
export function lighter(data: BrowserData, heaviest = HEAVIEST): BrowserData {
  let light = data;
  while (
    light.questions.length + light.answers.length > 1 &&
    deflateRawSync(JSON.stringify(light)).length > heaviest
  )
    light = {
      ...light,
      questions: light.questions.slice(0, Math.ceil(light.questions.length / 2)),
      answers: light.answers.slice(0, Math.ceil(light.answers.length / 2)),
    };
  return light;
}
