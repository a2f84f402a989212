import { type HealthCheckId } from '../../ids/typed-id.js';
import { type ProbeLimits, type Probed, ProbeSlots } from './probe-slots.js';
import { type ArmedStart } from './start-times.js';
import { type ArmedTurn, isCurrent, targetOf } from './turn.js';

/** What this replica has done since its start. */
export interface RunCounts {
  readonly started: number;
  readonly active: number;
  /** Left out, as the run before had not ended. */
  readonly overlapping: number;
  /** Left out, as the check was changed or removed after it was claimed. */
  readonly dropped: number;
  /** Milliseconds that the latest starts came after their instants. */
  readonly lateness: readonly number[];
}

export interface RunningChecksParts {
  limits: ProbeLimits;
  /** Runs it to its end. Never rejects. */
  run: (start: ArmedStart, target: string) => Promise<void>;
  /** The check was changed or removed after it was claimed. */
  onDropped: (armed: ArmedTurn) => void;
}

/** The checks whose time has come: those that run, and those that wait for room. Each once at a time. */
export class RunningChecks {
  private readonly slots: ProbeSlots;
  private readonly running = new Set<HealthCheckId>();
  private readonly waiting = new Set<ArmedStart>();
  private readonly whenIdle: (() => void)[] = [];
  private started = 0;
  private overlapping = 0;
  private dropped = 0;
  private readonly lateness: number[] = [];

  constructor(private readonly parts: RunningChecksParts) {
    this.slots = new ProbeSlots(parts.limits);
  }

  counts(): RunCounts {
    const { started, overlapping, dropped, lateness } = this;
    return { started, active: this.running.size, overlapping, dropped, lateness: [...lateness] };
  }

  /** Runs it now, or when there is room; not while its last run goes on, nor if its check has been changed. */
  start(start: ArmedStart): void {
    const { armed } = start;
    const { id, tenantId } = armed.check;
    if (!isCurrent(armed)) return this.drop(armed);
    if (this.running.has(id)) {
      this.overlapping++;
      return;
    }
    const probed = { tenant: tenantId, target: targetOf(armed) };
    this.running.add(id);
    this.waiting.add(start);
    this.slots.acquire(probed, () => {
      this.waiting.delete(start);
      void this.run(start, probed);
    });
  }

  /** What waits for room. */
  waitingTurns(): ArmedTurn[] {
    return [...this.waiting].map(({ armed }) => armed);
  }

  /** Takes away what waits for room, which never starts then. */
  clear(): ArmedStart[] {
    const left = [...this.waiting];
    this.slots.clear();
    this.waiting.clear();
    for (const { armed } of left) this.running.delete(armed.check.id);
    this.tellIdle();
    return left;
  }

  has(id: HealthCheckId): boolean {
    return this.running.has(id);
  }

  /** Resolves when nothing runs or waits for room. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await new Promise<void>((resolve) => this.whenIdle.push(resolve));
  }

  private async run(start: ArmedStart, probed: Probed): Promise<void> {
    const { armed, due } = start;
    if (isCurrent(armed)) {
      this.started++;
      this.lateness.push(performance.now() - due);
      if (this.lateness.length > 20_000) this.lateness.splice(0, 10_000);
      await this.parts.run(start, probed.target);
    } else {
      this.drop(armed);
      // Not within the call that gave it the slot.
      await Promise.resolve();
    }
    this.slots.release(probed);
    this.running.delete(armed.check.id);
    this.tellIdle();
  }

  private drop(armed: ArmedTurn): void {
    this.dropped++;
    this.parts.onDropped(armed);
  }

  private tellIdle(): void {
    if (this.running.size === 0) for (const resolve of this.whenIdle.splice(0)) resolve();
  }
}
