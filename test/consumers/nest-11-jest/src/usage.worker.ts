import { Injectable } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { Interval, RunContext } from 'ctrlplane-workers';

@Injectable()
export class UsageWorker {
  readonly runs: string[] = [];

  @Interval('usage', '1m')
  report(context: RunContext): void {
    this.runs.push(`${context.worker} ${RunContext.current() === context}`);
  }

  @Cron('0 3 * * *', { name: 'nightly' })
  nightly(): void {
    this.runs.push('nightly');
  }
}
