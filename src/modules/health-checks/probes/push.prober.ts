import { type HealthCheck, type ProbeOutcome, type ProbeResult, type PushProbe } from '../health-check.js';
import { ProbeFailure, type ProbeContext, type Prober } from './prober.js';

/** What the target of a push check said when it last called. */
export interface LastPush {
  outcome: Exclude<ProbeOutcome, 'unknown'>;
  message: string;
  /** Milliseconds since then, by the clock of the store. */
  age: number;
}

/** Looks whether the target has called in time. */
export class PushProber implements Prober<PushProbe> {
  constructor(private readonly lastPush: (check: HealthCheck) => Promise<LastPush | undefined>) {}

  async probe({ grace }: PushProbe, { check }: ProbeContext): Promise<ProbeResult> {
    const push = await this.lastPush(check);
    const within = check.interval + grace;
    if (!push) throw new ProbeFailure('The target has never called');
    if (push.age > within)
      throw new ProbeFailure(
        `The target last called ${Math.round(push.age)} ms ago, expected every ${within} ms`,
      );
    return { outcome: push.outcome, message: push.message };
  }
}
