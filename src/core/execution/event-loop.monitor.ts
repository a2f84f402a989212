import { Inject, Injectable, Logger } from '@nestjs/common';
import { type EndedRun, type Run } from '../history/run.js';
import { RunRecorder } from '../history/run.recorder.js';
import { Clock, type Timer } from '../timing/clock.js';
import { type ActiveRun } from './active-run.js';
import { ActiveRuns } from './active-runs.js';

const BEAT = 250;
/** Milliseconds. Shorter blocks are normal: a garbage collection, a large JSON. */
const BLOCK = 500;
/** Most workers that a warning names. */
const NAMED = 10;

/**
 * Finds the worker that blocks the event loop, which delays all workers and cannot be prevented.
 *
 * A block before the first `await` of a run is measured by its execution, which calls `called`. A later block only
 * shows as a late beat: then one of the runs that were active meanwhile caused it, for certain when there was only
 * one.
 */
@Injectable()
export class EventLoopMonitor {
  private readonly logger = new Logger('Workers');
  private readonly active = new ActiveRuns();
  /** Only runs that took long enough to have blocked. */
  private endedSinceBeat: Run[] = [];
  private blockedSinceBeat = 0;
  private lastBeat = 0;
  private timer?: Timer;

  constructor(
    @Inject(Clock) private readonly clock: Clock,
    private readonly recorder: RunRecorder,
  ) {}

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  started(active: ActiveRun): void {
    this.active.add(active);
    if (!this.timer) this.arm();
  }

  /** @param ms how long the worker's method took to hand back control for the first time */
  called(run: Run, ms: number): void {
    if (ms < BLOCK) return;
    this.blockedSinceBeat += ms;
    this.blame(run, ms);
  }

  ended(active: ActiveRun): void {
    this.active.delete(active);
    const run = active.run as EndedRun;
    if (run.endedAt.getTime() - run.startedAt.getTime() >= BLOCK) this.endedSinceBeat.push(run);
  }

  private beat(): void {
    // The time for which `called` has already named a run is left out.
    const late = this.clock.monotonic() - this.lastBeat - BEAT - this.blockedSinceBeat;
    if (late >= BLOCK) this.search(late);
    this.blockedSinceBeat = 0;
    this.endedSinceBeat = [];
    this.timer = undefined;
    // Without active runs, no worker can cause the next block.
    if (this.active.size > 0) this.arm();
  }

  private arm(): void {
    // A fake beat would be a pending timer of the test, and its time says nothing about the event loop.
    if (this.clock.fake) return;
    this.lastBeat = this.clock.monotonic();
    this.timer = this.clock.setTimer(() => this.beat(), BEAT);
  }

  private search(late: number): void {
    const suspects = [...this.endedSinceBeat, ...[...this.active].map(({ run }) => run)];
    if (suspects.length === 1) return this.blame(suspects[0]!, late);
    this.logger.warn(
      `The event loop was blocked for ${Math.round(late)} ms, by ${suspects.length > 0 ? `one of the workers ${listed(suspects)}` : 'no single run of a worker'}`,
    );
  }

  private blame(run: Run, ms: number): void {
    run.blockedMs = Math.round((run.blockedMs ?? 0) + ms);
    this.recorder.record(run);
    this.logger.warn(
      `Worker "${run.worker}" blocked the event loop for ${Math.round(ms)} ms (run ${run.id}): all workers and requests waited. ` +
        "Give it the option isolate: 'thread', or hand back control in between",
    );
  }
}

function listed(runs: Run[]): string {
  const names = [...new Set(runs.map(({ worker }) => `"${worker}"`))];
  const rest = names.length - NAMED;
  return names.slice(0, NAMED).join(', ') + (rest > 0 ? ` or ${rest} others` : '');
}
