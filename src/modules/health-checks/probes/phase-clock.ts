import { type DialStep } from '../../network-policy/dial.js';
import { type ProbePhases } from '../health-check.js';

const PHASE_OF: Record<DialStep, keyof ProbePhases> = {
  resolved: 'lookup',
  connected: 'connect',
  secured: 'tls',
};

/** Takes the time of each phase of one probe; of several connections the phases add up. */
export class PhaseClock {
  readonly phases: ProbePhases = {};
  /** Whether the probe goes by the network, and so began with a look-up. */
  lookingUp = false;
  private since = performance.now();
  private readonly start = this.since;

  /** The phase that has been going on since the last one is over. */
  end(phase: keyof ProbePhases): void {
    const now = performance.now();
    this.phases[phase] = (this.phases[phase] ?? 0) + now - this.since;
    this.since = now;
  }

  /** For `dial`. */
  readonly step = (step: DialStep): void => this.end(PHASE_OF[step]);

  /** Milliseconds since the probe began. */
  elapsed(): number {
    return performance.now() - this.start;
  }

  /** What the probe was waiting for, in words. */
  waitingFor(): string {
    if (!this.lookingUp) return 'it to end';
    const { lookup, connect, firstByte, body } = this.phases;
    if (body !== undefined) return 'more of the answer';
    if (firstByte !== undefined) return 'the rest of the answer';
    if (connect !== undefined) return 'an answer';
    return lookup === undefined ? 'the look-up of the name' : 'a connection';
  }
}
