import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron } from '@nestjs/schedule';
import { Interval, RunContext, Scheduler, WorkerModule } from 'ctrlplane-workers';
import { WorkerDashboardModule } from 'ctrlplane-workers/dashboard';

const say = (line: string): void => console.log(line);

@Injectable()
export class Journal {
  entries = new Set<string>();
}

@Injectable()
export class Tasks {
  constructor(private readonly journal: Journal) {}

  @Interval('own', '100ms')
  async own({ worker }: RunContext): Promise<void> {
    await Promise.resolve();
    this.journal.entries.add(`${worker} is ${RunContext.current()?.worker}`);
  }

  @Cron('* * * * * *', { name: 'adopted' })
  adopted(): void {
    this.journal.entries.add('adopted');
  }

  /** Runs when it is triggered, and until the process is told to end. */
  @Interval('slow', 0)
  async slow(): Promise<void> {
    const told = new Promise((resolve) => process.once('SIGTERM', resolve));
    say('slow began');
    await told;
    await new Promise((resolve) => setTimeout(resolve, 200));
    say('slow ended');
  }
}

const token = 'token-of-sixteen-characters';

@Module({
  imports: [WorkerModule.forRoot(), WorkerDashboardModule.forRoot({ token })],
  providers: [Journal, Tasks],
})
export class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks(['SIGTERM', 'SIGINT']);
await app.listen(0, '127.0.0.1');
const { entries } = app.get(Journal);
while (entries.size < 2) await new Promise((resolve) => setTimeout(resolve, 50));
say([...entries].sort().join(', '));
const answer = await fetch(`${await app.getUrl()}/workers`, {
  headers: { authorization: `Bearer ${token}` },
});
const workers = (await answer.json()) as { name: string }[];
say(workers.map(({ name }) => name).join(', '));
await app.get(Scheduler).trigger('slow');
