// An application that the command line sees and steers: one worker makes steps, one fails with what a terminal would obey, one
// ends when it is told to, one has a schedule.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import { WorkerDashboardModule } from 'ctrlplane-workers/dashboard';
import { HttpAccessModule } from 'ctrlplane-workers/http';
import { IncidentsHttpModule, IncidentsModule } from 'ctrlplane-workers/incidents';
import { postgres } from 'ctrlplane-workers/postgres';

const { TOKEN, DATABASE_URL, WEBHOOK } = process.env;
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

class AppModule {}
Module({
  imports: [
    WorkerModule.forRoot({ coordination: postgres({ connectionString: DATABASE_URL }) }),
    WorkerDashboardModule.forRoot({ token: TOKEN }),
    HttpAccessModule.forRoot({ token: TOKEN }),
    IncidentsModule.forRoot({ webhooks: [{ name: 'hook', url: WEBHOOK, secret }] }),
    IncidentsHttpModule,
  ],
})(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
const scheduler = app.get(Scheduler);
scheduler.register({
  name: 'steps',
  interval: 0,
  run({ payload, progress, logger }) {
    const { steps = 1 } = payload ?? {};
    for (let step = 1; step <= steps; step++) {
      logger.log(`step ${step}`);
      progress(step, steps);
    }
  },
});
scheduler.register({
  name: 'fails',
  interval: 0,
  run() {
    throw new Error('\u001b[31mred \u202eleft', { cause: new Error('the deepest reason') });
  },
});
scheduler.register({
  name: 'endless',
  interval: 0,
  run: ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
});
scheduler.register({ name: 'hourly', interval: '1h', run() {} });
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(`listening at ${await app.getUrl()}`);
