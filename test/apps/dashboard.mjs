// An application whose workers do what a page has to show: one succeeds, one fails with markup in its message, one waits,
// one ends when it is told to; MORE that never run; and one that has run RUNS times. With INCIDENTS, what is wrong is reported.
// With HELMET, under the headers that the package helmet sets by default. On PLATFORM, below the global PREFIX and the dashboard's path MOUNT; for whom ACCESS says, as JSON.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import { WorkerDashboardModule } from 'ctrlplane-workers/dashboard';
import { HttpAccessModule } from 'ctrlplane-workers/http';
import { Incidents, IncidentsHttpModule, IncidentsModule } from 'ctrlplane-workers/incidents';

const {
  PORT = '0',
  TOKEN,
  MORE = '0',
  RUNS = '0',
  INCIDENTS,
  PLATFORM = 'express',
  PREFIX,
  MOUNT,
} = process.env;
const { HELMET } = process.env;
const access = JSON.parse(process.env.ACCESS ?? JSON.stringify({ token: TOKEN, openReads: true }));

class AppModule {}
Module({
  imports: [
    WorkerModule.forRoot(),
    WorkerDashboardModule.forRoot({ ...access, path: MOUNT }),
    ...(INCIDENTS ? [IncidentsModule.forRoot(), IncidentsHttpModule, HttpAccessModule.forRoot(access)] : []),
  ],
})(AppModule);

const { ExpressAdapter, FastifyAdapter } = await import(`@nestjs/platform-${PLATFORM}`);
const app = await NestFactory.create(AppModule, new (FastifyAdapter ?? ExpressAdapter)(), { logger: false });
if (PREFIX) app.setGlobalPrefix(PREFIX);
if (HELMET) {
  const headers = {
    'Content-Security-Policy':
      "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';" +
      "img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';" +
      'upgrade-insecure-requests',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Origin-Agent-Cluster': '?1',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'SAMEORIGIN',
    'X-XSS-Protection': '0',
  };
  if (PLATFORM === 'fastify')
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('onRequest', async (_, reply) => void reply.headers(headers));
  else app.use((_, response, next) => (response.set(headers), next()));
}
const scheduler = app.get(Scheduler);
let runs = 0;
scheduler.register({ name: 'succeeds', interval: 500, run: (context) => context.progress(++runs) });
scheduler.register({
  name: 'fails <b>bold</b>',
  interval: 500,
  run() {
    throw new Error(
      '<img src=x onerror="document.title=\'owned\'"> \u001b[31mred\u001b[0m \u202eright to left',
      {
        cause: new Error('the deepest reason'),
      },
    );
  },
});
scheduler.register({ name: 'waits', interval: 0, run() {} });
scheduler.register({
  name: 'endless',
  description: '<i>never</i> \u202eends',
  group: '\u001b[31mred\u202e',
  interval: 0,
  run: ({ signal, progress }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      progress(1, 2, `<i>half</i> \u001b[31m\u202e${'x'.repeat(1_000_000)}`);
    }),
});
for (let n = 1; n <= Number(MORE); n++)
  scheduler.register({ name: `more ${n}`, interval: 0, group: n % 2 ? 'odd' : 'even', run() {} });
app.enableShutdownHooks();
if (Number(RUNS) > 0) {
  await app.init();
  scheduler.register({ name: 'busy', interval: 0, run() {} });
  for (let n = 0; n < Number(RUNS); n++) await (await scheduler.trigger('busy', n)).ended;
}
if (INCIDENTS) {
  const incidents = app.get(Incidents);
  await app.init();
  await incidents.report({
    kind: 'certificate',
    subject: '<b>shop</b>.example \u202egro.live',
    condition: 'expiring',
    summary: `It expires in 2 days. <img src=x onerror="document.title='owned'"> ${'very long '.repeat(150)}`,
  });
}
await app.listen(Number(PORT), '127.0.0.1');
console.log(`listening at ${await app.getUrl()}`);
