import { type Watch } from './watch.js';

/** Starts `watch.workers` workers of one second that do nothing but tell the watch. */
type Start = (watch: Watch) => Promise<void>;

const SECOND = 1_000;

/** Each as its own documentation says. What it needs is loaded when it starts, so that its memory is its own. */
export const SUBJECTS = {
  async ours(watch) {
    const { NestFactory } = await import('@nestjs/core');
    const { Scheduler, WorkerModule } = await import('ctrlplane-workers');
    const app = await NestFactory.createApplicationContext(
      { module: class Workers {}, imports: [WorkerModule.forRoot()] },
      { logger: ['error', 'warn'] },
    );
    const scheduler = app.get(Scheduler);
    for (let i = 0; i < watch.workers; i++)
      scheduler.register({
        name: `worker-${i}`,
        interval: SECOND,
        run: async ({ scheduledAt }) => watch.ran(i, scheduledAt.getTime()),
      });
  },

  /** Spread over the second, as our workers are: started together, all run in one turn of the event loop. */
  async bare(watch) {
    for (let i = 0; i < watch.workers; i++)
      setTimeout(() => setInterval(() => watch.ranNext(i), SECOND), (i / watch.workers) * SECOND);
  },

  async bareTogether(watch) {
    for (let i = 0; i < watch.workers; i++) setInterval(() => watch.ranNext(i), SECOND);
  },

  async nestSchedule(watch) {
    const { NestFactory } = await import('@nestjs/core');
    const { Interval, ScheduleModule } = await import('@nestjs/schedule');
    class Workers {}
    for (let i = 0; i < watch.workers; i++) {
      const descriptor = { configurable: true, value: async () => watch.ranNext(i) };
      Object.defineProperty(Workers.prototype, `run${i}`, descriptor);
      Interval(`worker-${i}`, SECOND)(Workers.prototype, `run${i}`, descriptor);
    }
    await NestFactory.createApplicationContext(
      { module: class App {}, imports: [ScheduleModule.forRoot()], providers: [Workers] },
      { logger: ['error', 'warn'] },
    );
  },

  async toadScheduler(watch) {
    const { SimpleIntervalJob, Task, ToadScheduler } = await import('../peers/toad-scheduler.js');
    const scheduler = new ToadScheduler();
    for (let i = 0; i < watch.workers; i++)
      scheduler.addSimpleIntervalJob(
        new SimpleIntervalJob({ seconds: 1 }, new Task(`worker-${i}`, () => watch.ranNext(i))),
      );
  },

  async croner(watch) {
    const { Cron } = await import('../peers/croner.js');
    for (let i = 0; i < watch.workers; i++) new Cron('* * * * * *', () => watch.ranInSecond(i));
  },

  async nodeCron(watch) {
    const { default: cron } = await import('../peers/node-cron.js');
    for (let i = 0; i < watch.workers; i++)
      cron.schedule('* * * * * *', ({ date }) => watch.ran(i, date.getTime()), {
        suppressMissedWarning: true,
      });
  },
} satisfies Record<string, Start>;

export type Subject = keyof typeof SUBJECTS;
