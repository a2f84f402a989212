import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { type Run } from '../history/run.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { type WorkerEvent } from '../scheduler/worker-events.js';
import { messageOf } from '../text/describe-error.js';
import { Clock, type Timer } from '../timing/clock.js';
import { Incidents } from './incidents.js';
import { reportOf } from './subject.js';

/** A run that heeds its signal ends within this time after its timeout. Milliseconds. */
const IGNORED_AFTER = 5_000;

/**
 * Reports runs of this replica that have ignored their signal since their timeout. The replica itself does, as it alone knows: the
 * event loop of its process may be all that is left of it. When it falls silent, the judge closes what it has reported. The log has
 * it from the run itself (`Execution`), with what to do.
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
    // It may have ended while that was written.
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
