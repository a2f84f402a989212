import { Injectable } from '@nestjs/common';
import { Cron, Interval, Timeout } from '@nestjs/schedule';
import { Journal } from './journal.js';

/** Handlers of @nestjs/schedule 6, as they were before `ScheduleModule` was replaced. */
@Injectable()
export class Legacy {
  constructor(private readonly journal: Journal) {}

  @Interval('legacy-interval', 10_000)
  interval(...args: unknown[]): void {
    this.journal.entries.push(args.length === 0 ? 'interval' : 'interval with arguments');
  }

  @Cron('0 * * * *', { name: 'legacy-cron', timeZone: 'Europe/Berlin' })
  cron(): void {
    this.journal.entries.push('cron');
  }

  @Timeout('legacy-timeout', 30_000)
  timeout(): void {
    this.journal.entries.push('timeout');
  }
}
