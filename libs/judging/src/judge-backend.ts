// A judge backend: whatever turns comparisons into verdicts behind the JudgeService contract.
import type { CompareRequest, CompareResponse, DescribeResponse } from '@overtone/contracts';

/** A judge. */
export interface JudgeBackend {
  /** Who judges: name, backend, and the fingerprint of everything that determines verdicts. */
  describe(signal: AbortSignal): Promise<DescribeResponse>;
  /**
   * One verdict per request, in the order shown; verdicts may come in another order than requests. Requests are read
   * no faster than verdicts are taken, up to what the backend keeps in flight.
   */
  compare(requests: AsyncIterable<CompareRequest>, signal: AbortSignal): AsyncIterable<CompareResponse>;
}
