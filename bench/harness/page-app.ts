import 'reflect-metadata';
import { Controller, Get, type INestApplication, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule, type WorkerModuleOptions } from 'ctrlplane-workers';
import { WorkerDashboardModule } from 'ctrlplane-workers/dashboard';
import { HttpAccessModule } from 'ctrlplane-workers/http';
import { IncidentsHttpModule, IncidentsModule } from 'ctrlplane-workers/incidents';

/** An application with the page and all that it asks for, which everybody may read. It listens. */
export async function startPageApp(
  options: WorkerModuleOptions,
  controllers: Type[],
): Promise<INestApplication> {
  const access = { openReads: true, token: 'token-of-the-bench' };
  class App {}
  Module({
    imports: [
      WorkerModule.forRoot(options),
      HttpAccessModule.forRoot(access),
      WorkerDashboardModule.forRoot(access),
      IncidentsModule.forRoot(),
      IncidentsHttpModule,
    ],
    controllers,
  })(App);
  const app = await NestFactory.create(App, { logger: false });
  await app.listen(0, '127.0.0.1');
  return app;
}

/** A controller that answers GET. Decorated by calls: what runs the benches knows no decorators. */
export function endpoint(path: string, answer: () => unknown): Type {
  class Endpoint {
    answer(): unknown {
      return answer();
    }
  }
  Get()(Endpoint.prototype, 'answer', Object.getOwnPropertyDescriptor(Endpoint.prototype, 'answer')!);
  Controller(path)(Endpoint);
  return Endpoint;
}

/** What the n-th worker is called, as an application would. */
export const nameOf = (n: number): string => `billing.invoices.${n}`;

/** What the page shows of the n-th worker besides its runs. */
export const aboutWorker = (n: number) => ({
  name: nameOf(n),
  description: 'Sends what is due, one tenant after the other',
  group: `group ${n % 10}`,
});
