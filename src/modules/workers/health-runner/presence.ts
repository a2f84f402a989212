import { type HealthCheckRepository } from '../../health-checks/health-check.repository.js';
import { type HealthRunnerSettings } from './health-runner.options.js';
import { startTimer, type Timer } from '../../../core/timing/timer.js';

export interface PresenceParts {
  checks: Pick<HealthCheckRepository, 'beatAcrossTenants' | 'leaveAcrossTenants'>;
  replica: string;
  settings: Pick<HealthRunnerSettings, 'interval' | 'horizon'>;
  /** Others have taken over what this replica had claimed. */
  onLost: () => void;
  /** This replica has taken over this many checks. */
  onTaken: (checks: number) => void;
}

/**
 * Says again and again that this replica lives, and takes over what others had claimed that have fallen silent.
 *
 * One that was only slow, as in a blocked event loop, must not start what others have taken over. So what falls due
 * while it cannot be sure of that waits for its next beat, which tells: `ifMine`.
 *
 * Others take over no sooner than `silence` after the last beat has arrived, and here that is counted from when it was
 * sent, by the monotonic clock. So whoever is sure here is right.
 */
export class Presence {
  /** Milliseconds without a beat after which a replica is dead. */
  readonly silence: number;
  private readonly every: number;
  private lastBeat?: number;
  private timer?: Timer;
  private waiting: { since: number; work: () => void }[] = [];
  private ended = false;

  constructor(private readonly parts: PresenceParts) {
    const { interval, horizon } = parts.settings;
    // What a dead one had claimed runs elsewhere within the horizon: silence, one beat, half a second of spreading.
    this.silence = Math.max(horizon / 2, 1.5 * interval);
    this.every = Math.min(interval, this.silence / 3);
  }

  /** Begins. @throws what the store does */
  async start(): Promise<void> {
    if (this.lastBeat === undefined) await this.beat();
    if (!this.timer && !this.ended) this.arm();
  }

  /** Calls at once if no other replica can have taken over what was claimed; else when that is certain, or never. */
  ifMine(work: () => void): void {
    const now = performance.now();
    if (this.isSure(now)) work();
    else this.waiting.push({ since: now, work });
  }

  /** Ends it: there is nothing left to take over. @throws what the store does */
  async leave(): Promise<void> {
    this.ended = true;
    this.timer?.cancel();
    this.waiting = [];
    if (this.lastBeat !== undefined) await this.parts.checks.leaveAcrossTenants(this.parts.replica);
  }

  private isSure(now: number): boolean {
    return this.lastBeat !== undefined && now - this.lastBeat < this.silence;
  }

  private arm(): void {
    this.timer = startTimer(() => {
      // A store that is away says so by the claims that fail.
      void this.beat()
        .catch(() => undefined)
        .finally(() => {
          if (!this.ended) this.arm();
        });
    }, this.every);
  }

  private async beat(): Promise<void> {
    const { checks, replica, settings } = this.parts;
    const sent = performance.now();
    const { known, takenOver } = await checks.beatAcrossTenants({ replica, silence: this.silence });
    if (this.ended) return;
    const lost = !known && this.lastBeat !== undefined;
    const waiting = this.waiting;
    this.waiting = [];
    this.lastBeat = sent;
    if (lost) this.parts.onLost();
    // What has waited for longer than the horizon has had its next turn.
    else for (const { since, work } of waiting) if (sent - since < settings.horizon) work();
    if (takenOver > 0) this.parts.onTaken(takenOver);
  }
}
