import { Injectable, Logger } from '@nestjs/common';
import { Cron, CronExpression, Interval, SchedulerRegistry } from '@nestjs/schedule';

/** An application's tasks as they were written for @nestjs/schedule. The migration changes nothing here. */
@Injectable()
export class Tasks {
  private readonly logger = new Logger(Tasks.name);
  private beats = 0;

  constructor(private readonly registry: SchedulerRegistry) {}

  @Interval('heartbeat', 500)
  heartbeat(): void {
    this.logger.log(`Heartbeat ${++this.beats}`);
  }

  @Cron(CronExpression.EVERY_SECOND, { name: 'report', timeZone: 'Europe/Berlin', waitForCompletion: true })
  async report(): Promise<void> {
    const next = this.registry.getCronJob('report').nextDate();
    this.logger.log(`Report; the next at ${next.toISO()}`);
  }
}
