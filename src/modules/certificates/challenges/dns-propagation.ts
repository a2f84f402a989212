import { type DnsLookup } from '../../dns/dns-lookup.js';
import { DnsUnavailableError } from '../../dns/dns.errors.js';
import { type TxtRecord } from './dns-provider.js';
import { sleep } from '../../../core/timing/timer.js';

/** Milliseconds between two looks. */
const PAUSE = 2_000;

/** Authoritative servers did not have the record in time. */
export class DnsPropagationError extends Error {
  override readonly name = 'DnsPropagationError';

  constructor(
    readonly record: TxtRecord,
    missing: number,
    of: number,
  ) {
    super(
      `${record.name} was written, and ${missing} of ${of} authoritative servers did not have the record in time`,
    );
  }
}

/**
 * Waits until every authoritative server has the record: a CA that asks too early counts a failed authorization.
 * @param timeout milliseconds
 * @throws DnsPropagationError, DnsUnavailableError
 */
export async function waitForRecord(
  dns: DnsLookup,
  record: TxtRecord,
  timeout: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + timeout;
  for (let pause = 100; ; pause = Math.min(pause * 2, PAUSE)) {
    const last = performance.now() + pause > deadline;
    try {
      const answers = await dns.authoritativeTxt(record.name);
      const missing = answers.filter((texts) => !texts.includes(record.value)).length;
      if (missing === 0) return;
      if (last) throw new DnsPropagationError(record, missing, answers.length);
    } catch (error) {
      if (last || !(error instanceof DnsUnavailableError)) throw error;
    }
    await sleep(pause, signal);
  }
}
