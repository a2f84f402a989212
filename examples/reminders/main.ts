/*
 * Reminders of users: one handler, and a stored schedule for each user. With DATABASE_URL they are kept in PostgreSQL, where any number of
 * processes share them; without it they go with the process.
 *
 *     npm run examples:build && node dist/examples/reminders/main.js
 */
import 'reflect-metadata';
import { Injectable, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import {
  DatabaseModule,
  Scheduled,
  type ScheduledContext,
  Schedules,
  SchedulesModule,
} from 'ctrlplane-workers/control-plane';

const { DATABASE_URL } = process.env;

@Injectable()
class Reminders implements OnApplicationBootstrap {
  private readonly logger = new Logger('Reminders');

  constructor(private readonly schedules: Schedules) {}

  /** What it throws is tried again after 30 s, then after a minute, and so on. */
  @Scheduled('reminder', { timeout: '30s', concurrency: 20 })
  async remind({ key, payload, attempt }: ScheduledContext<{ text: string }>): Promise<void> {
    this.logger.log(`${key}: ${payload.text} (attempt ${attempt})`);
  }

  /** In an application of yours this is where a user sets a reminder. Written again as it is, it changes nothing. */
  async onApplicationBootstrap(): Promise<void> {
    const handler = 'reminder';
    await this.schedules.upsert({ handler, key: 'ada', every: '2s', payload: { text: 'drink some water' } });
    await this.schedules.upsert({
      handler,
      key: 'grace',
      cron: '0 9 * * mon-fri',
      timeZone: 'America/New_York',
      payload: { text: 'stand-up' },
    });
    await this.schedules.upsert({ handler, key: 'linus', at: new Date(), payload: { text: 'once' } });
    const next = (await this.schedules.get(handler, 'grace'))?.nextRun?.toISOString();
    this.logger.log(`The next stand-up of grace is at ${next}`);
  }
}

@Module({
  imports: [
    WorkerModule.forRoot(),
    ...(DATABASE_URL ? [DatabaseModule.forRoot({ url: DATABASE_URL, tables: 'schedules' })] : []),
    SchedulesModule.forRoot({ store: DATABASE_URL ? 'postgres' : 'memory' }),
  ],
  providers: [Reminders],
})
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule);
app.enableShutdownHooks([], { useProcessExit: true });
