// What the scorer answered about a signal, as it lies in the artifact store.
import { type AssessFidelityResponse, Recommendation } from '@overtone/contracts';
import { z } from 'zod';

const estimate = z.object({ value: z.number(), lower: z.number(), upper: z.number() });
/** Reads an assessment; one from before there were recommendations is refused. */
export const fidelitySchema: z.ZodType<AssessFidelityResponse> = z.object({
  groups: z.int(),
  auditedGroups: z.int(),
  auditedPairs: z.int(),
  kappa: estimate.optional(),
  tau: estimate.optional(),
  partialTau: estimate.optional(),
  accuracy: estimate.optional(),
  confidentAccuracy: estimate.optional(),
  calibrationError: estimate.optional(),
  calibratedError: z.number().optional(),
  temperature: z.number().optional(),
  plattBias: z.number().optional(),
  plattSlope: z.number().optional(),
  plattCalibratedError: z.number().optional(),
  verdictCalibrationError: z.number().optional(),
  reliability: z.array(
    z.object({
      lower: z.number(),
      upper: z.number(),
      pairs: z.int(),
      confidence: z.number(),
      accuracy: z.number(),
    }),
  ),
  orderConsistency: z.number().optional(),
  orderConsistencyInterval: estimate.optional(),
  positionBias: z.number().optional(),
  positionBiasInterval: estimate.optional(),
  tieRate: estimate.optional(),
  unreadable: z.number().optional(),
  intransitivity: z.number().optional(),
  intransitivityInterval: estimate.optional(),
  lengthCorrelation: z.number(),
  lengthCorrelationInterval: estimate.optional(),
  splitHalfReliability: estimate.optional(),
  flipRate: estimate.optional(),
  flipRateIsLowerBound: z.boolean(),
  bestFlipRate: estimate.optional(),
  bestWorstFlipRate: estimate.optional(),
  auditorNoise: z.number().optional(),
  recommendation: z.enum(Recommendation),
  reason: z.string(),
  groupsNeeded: z.int(),
});
