import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { type Run } from '../history/run.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { type WorkerEvent } from '../scheduler/worker-events.js';
import { messageOf } from '../text/describe-error.js';
import { Clock, type Timer } from '../timing/clock.js';
import { Incidents } from './incidents.js';
import { reportOf } from './subject.js';

/** Milliseconds after its timeout in which a run that obeys its signal ends. */
const IGNORED_AFTER = 5_000;

/**
 * Reports runs of this replica that have ignored their signal since their timeout: only the replica itself knows. When it
 * stops answering, the judge closes the incident. `Execution` logs the stuck run, with the fix.
 */
@Injectable()
export class StuckWatch implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Incidents');
  private readonly overdue = new Map<string, { timer?: Timer; reported: boolean }>();
  private subscription?: { unsubscribe(): void };

  constructor(
    private readonly scheduler: Scheduler,
    private readonly incidents: Incidents,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.subscription = this.scheduler.events$.subscribe((event) => this.heed(event));
  }

  onApplicationShutdown(): void {
    this.subscription?.unsubscribe();
    for (const { timer } of this.overdue.values()) timer?.cancel();
  }

  private heed(event: WorkerEvent): void {
    if (!('run' in event)) return;
    const { run } = event;
    if (event.type === 'run.overdue') {
      this.overdue.set(run.id, { reported: false });
      this.lookAgain(run);
    } else if (run.endedAt) void this.ended(run);
  }

  private lookAgain(run: Run): void {
    const watched = this.overdue.get(run.id);
    if (watched) watched.timer = this.clock.setTimer(() => void this.report(run), IGNORED_AFTER, true);
  }

  private async report(run: Run): Promise<void> {
    const watched = this.overdue.get(run.id);
    if (!watched || run.endedAt) return;
    const what = `is stuck: run ${run.id} of replica ${run.replica} has ignored its signal since its timeout`;
    try {
      await this.incidents.report(reportOf(run.worker, { condition: 'stuck', what, run }), true);
      watched.reported = true;
    } catch (error) {
      this.logger.warn(`That "${run.worker}" is stuck cannot be recorded yet: ${messageOf(error)}`);
      this.lookAgain(run);
      return;
    }
    // The run may have ended during the write.
    if (run.endedAt) await this.ended(run);
  }

  private async ended({ id, worker }: Run): Promise<void> {
    const watched = this.overdue.get(id);
    if (!watched) return;
    watched.timer?.cancel();
    this.overdue.delete(id);
    if (!watched.reported) return;
    try {
      await this.incidents.resolve({ kind: 'worker', subject: worker, condition: 'stuck' }, true);
    } catch (error) {
      this.logger.warn(`That "${worker}" is no longer stuck is left to the judge: ${messageOf(error)}`);
    }
  }
}
