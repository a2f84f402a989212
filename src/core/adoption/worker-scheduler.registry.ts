import { Injectable } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';

/** The `SchedulerRegistry` that an application injects: deleting an adopted entry unregisters its worker too. */
@Injectable()
export class WorkerSchedulerRegistry extends SchedulerRegistry {
  private readonly owners = new WeakMap<object, () => void>();

  /** From now on, deleting the entry (a job, an interval, a timeout) also calls `deleted`. */
  own(entry: object, deleted: () => void): void {
    this.owners.set(entry, deleted);
  }

  override deleteCronJob(name: string): void {
    const job = this.getCronJob(name);
    super.deleteCronJob(name);
    this.owners.get(job)?.();
  }

  override deleteInterval(name: string): void {
    const interval = this.getInterval(name) as object;
    super.deleteInterval(name);
    this.owners.get(interval)?.();
  }

  override deleteTimeout(name: string): void {
    const timeout = this.getTimeout(name) as object;
    super.deleteTimeout(name);
    this.owners.get(timeout)?.();
  }

  /** Stops and removes all entries, as `ScheduleModule` does at shutdown. */
  clear(): void {
    for (const name of this.getTimeouts()) this.deleteTimeout(name);
    for (const name of this.getIntervals()) this.deleteInterval(name);
    for (const name of [...this.getCronJobs().keys()]) this.deleteCronJob(name);
  }
}
