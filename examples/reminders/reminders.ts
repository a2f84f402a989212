import { Injectable, Logger, Module } from '@nestjs/common';
import { WorkerModule } from 'ctrlplane-workers';
import {
  DatabaseModule,
  Scheduled,
  type ScheduledContext,
  Schedules,
  SchedulesModule,
} from 'ctrlplane-workers/control-plane';

const { DATABASE_URL } = process.env;

/** What a reminder goes out by: an application has its mailer here. */
@Injectable()
export class Messenger {
  private readonly logger = new Logger('Reminders');

  async send(user: string, text: string, attempt: number): Promise<void> {
    this.logger.log(`${user}: ${text} (attempt ${attempt})`);
  }
}

@Injectable()
export class Reminders {
  constructor(
    private readonly schedules: Schedules,
    private readonly messenger: Messenger,
  ) {}

  /** What it throws is tried again after 30 s, then after a minute, and so on. */
  @Scheduled('reminder', { timeout: '30s', concurrency: 20 })
  async remind({ key, payload, attempt }: ScheduledContext<{ text: string }>): Promise<void> {
    await this.messenger.send(key, payload.text, attempt);
  }

  /** When a user sets a reminder. Written again as it is, it changes nothing. */
  async set(
    user: string,
    text: string,
    when: { every: '2s' } | { cron: string; timeZone: string } | { at: Date },
  ): Promise<void> {
    await this.schedules.upsert({ handler: 'reminder', key: user, ...when, payload: { text } });
  }

  async next(user: string): Promise<Date | undefined> {
    return (await this.schedules.get('reminder', user))?.nextRun;
  }
}

@Module({
  imports: [
    WorkerModule.forRoot(),
    ...(DATABASE_URL ? [DatabaseModule.forRoot({ url: DATABASE_URL, tables: 'schedules' })] : []),
    SchedulesModule.forRoot({ store: DATABASE_URL ? 'postgres' : 'memory' }),
  ],
  providers: [Messenger, Reminders],
})
export class RemindersModule {}
