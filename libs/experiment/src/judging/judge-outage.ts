// Outages: failures that a judge may recover from, and what they say about what it was asked.
import { isBrokenConnection, isRestart, RpcError } from '@overtone/rpc';

/** A failure that a judge may recover from. */
export class Outage extends Error {
  override readonly name = 'Outage';
}

const OUTAGES = new Set(['UNAVAILABLE', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED']);

/** Whether a judge may recover from a failure. */
export function isOutage(error: unknown): boolean {
  if (error instanceof Outage) return true;
  return error instanceof RpcError && (OUTAGES.has(error.codeName) || isRestart(error));
}

/** Whether nobody can say what a judge did with what it was asked: it went silent, or the connection broke. */
export function isLost(error: unknown): boolean {
  return error instanceof Outage || isBrokenConnection(error);
}

/** Whether a server ended a call because it was told to end, and not because it failed. */
export function isDrain(error: unknown): boolean {
  return error instanceof RpcError && error.codeName === 'UNAVAILABLE' && /shutting down/.test(error.message);
}

/** A time for people. */
export function seconds(milliseconds: number): string {
  const whole = milliseconds / 1000;
  return whole < 10
    ? `${whole.toFixed(1)} s`
    : whole < 120
      ? `${Math.round(whole)} s`
      : `${Math.round(whole / 60)} min`;
}
