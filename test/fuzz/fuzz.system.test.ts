// A share of `npm run fuzz`: malformed requests of every kind at every method of all services, which then serve on as before.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CampaignReport, runCampaign } from './campaign.ts';
import { type Deployment, SERVICES, startDeployment } from './deployment.ts';

const REQUESTS = 3000;
/** What a process may grow by: a heap that has been at work is larger than one that has not. */
const GROWTH_MIB = 160;

let deployment: Deployment;
beforeAll(async () => {
  deployment = await startDeployment();
}, 120_000);
afterAll(() => deployment.close());

describe.skipIf(process.platform !== 'linux')(`${REQUESTS} malformed requests`, () => {
  let report: CampaignReport;
  describe.each([...SERVICES])('at the %s', (name) => {
    beforeAll(async () => {
      const service = deployment.services.find((each) => each.name === name);
      if (service === undefined) throw new Error(`there is no ${name}`);
      report = await runCampaign(service, { requests: REQUESTS, seed: 8 });
    }, 120_000);

    it('are each answered with a status that blames the caller', () => {
      expect(report.wrong).toEqual([]);
      expect(report.statuses).not.toHaveProperty('INTERNAL');
      expect(report.statuses).not.toHaveProperty('UNKNOWN');
    });

    it('are malformed: most are refused', () => {
      const { OK = 0, INVALID_ARGUMENT = 0, RESOURCE_EXHAUSTED = 0 } = report.statuses;
      expect(OK).toBeLessThan(REQUESTS / 2);
      expect(INVALID_ARGUMENT).toBeGreaterThan(REQUESTS / 10);
      // Limits of calls that are reached would let nothing of this be seen.
      expect(RESOURCE_EXHAUSTED).toBeLessThan(REQUESTS / 10);
    });

    it('leave it healthy, with the same answers, memory and descriptors', () => {
      expect(report.damage).toEqual([]);
      expect(report.memoryMiB.after - report.memoryMiB.before).toBeLessThan(GROWTH_MIB);
    });
  });
});
