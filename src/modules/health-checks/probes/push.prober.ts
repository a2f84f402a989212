import { type HealthCheck, type ProbeOutcome, type ProbeResult, type PushProbe } from '../health-check.js';
import { ProbeFailure, type ProbeContext, type Prober } from './prober.js';

/** What the target of a push check says when it calls. */
export interface Push {
  outcome: Exclude<ProbeOutcome, 'unknown'>;
  message: string;
}

/** Whether the target of a push check has called. Times in milliseconds, by the clock of the store. */
export interface PushState {
  /** What it has said last, and how long ago; absent when it has never called. */
  last?: Push & { age: number };
  /** Since the check was made or changed. */
  waiting: number;
}

/** Looks whether the target has called in time. */
export class PushProber implements Prober<PushProbe> {
  constructor(private readonly pushState: (check: HealthCheck) => Promise<PushState | undefined>) {}

  async probe({ grace }: PushProbe, { check, instance }: ProbeContext): Promise<ProbeResult> {
    const { last, waiting } = (await this.pushState(check)) ?? { waiting: Infinity };
    const within = check.interval + grace;
    if (last && last.age <= within) return { outcome: last.outcome, message: last.message };
    // It cannot be missing before it had the time to call: since the check is as it is, since its instance runs.
    const running = instance?.runningSince ? Date.now() - instance.runningSince.getTime() : Infinity;
    if (Math.min(waiting, running) <= within)
      return { outcome: 'unknown', message: `The target has not called yet, expected every ${within} ms` };
    throw new ProbeFailure(
      last
        ? `The target last called ${Math.round(last.age)} ms ago, expected every ${within} ms`
        : 'The target has never called',
    );
  }
}
