import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import {
  DatabaseModule,
  Scheduled,
  type ScheduledContext,
  Schedules,
  SchedulesModule,
  ScheduleStore,
} from 'ctrlplane-workers/control-plane';
import { Transactions } from '../../dist/modules/database/transaction.js';
import { HANDLER } from './subjects.js';

export interface SchedulesApp {
  readonly schedules: Schedules;
  readonly store: ScheduleStore;
  query(sql: string, values?: unknown[]): Promise<unknown[]>;
  close(): Promise<void>;
}

/** @param run what the handler does; without it the application only writes and reads */
export async function openSchedules({
  url,
  concurrency,
  run,
}: {
  url: string;
  concurrency?: number;
  run?: (context: ScheduledContext) => void;
}): Promise<SchedulesApp> {
  class Jobs {
    run(context: ScheduledContext): void {
      run!(context);
    }
  }
  if (run)
    Scheduled(HANDLER, { concurrency, record: 'failures' })(
      Jobs.prototype,
      'run',
      Object.getOwnPropertyDescriptor(Jobs.prototype, 'run')!,
    );
  const app = await NestFactory.createApplicationContext(
    {
      module: class App {},
      imports: [
        DatabaseModule.forRoot({ url, tables: 'schedules' }),
        WorkerModule.forRoot(),
        SchedulesModule.forRoot({ dispatch: run !== undefined }),
      ],
      providers: [Jobs],
    },
    { logger: ['error', 'warn'] },
  );
  const transactions = app.get(Transactions, { strict: false });
  return {
    schedules: app.get(Schedules, { strict: false }),
    store: app.get(ScheduleStore, { strict: false }),
    query: (sql, values) => transactions.query(sql, values),
    close: () => app.close(),
  };
}
