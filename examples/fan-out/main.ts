/*
 * A run that has many things to do, several at a time: each tenant is a shard, with a timeout and retries of its own.
 *
 *     npm run examples:build && node dist/examples/fan-out/main.js
 */
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Interval, type RunContext, Shard, type ShardContext, WorkerModule } from 'ctrlplane-workers';

@Injectable()
class Invoices {
  @Interval('invoices', '5s', { timeout: '1m' })
  async send({ fanOut, logger }: RunContext): Promise<void> {
    const tenants = Array.from({ length: 200 }, (_, i) => `tenant-${i}`);
    const { total, done, failed, errors } = await fanOut(this.sendTo, tenants, { failures: 'collect' });
    logger.log(`Sent ${done} of ${total} invoices`);
    if (failed > 0) logger.warn(`${failed} were not sent: ${errors.map(({ item }) => item).join(', ')}`);
  }

  // Yours calls something that may be slow or away; that one tenant fails every time keeps no other from its invoice.
  @Shard({ concurrency: 20, timeout: '2s', retries: 2, backoff: '100ms' })
  async sendTo(tenant: string, { signal, metric }: ShardContext): Promise<void> {
    await sleep(20, undefined, { signal });
    if (tenant === 'tenant-13') throw new Error(`${tenant} has no address`);
    metric('invoices', 1);
  }
}

@Module({ imports: [WorkerModule.forRoot()], providers: [Invoices] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule);
app.enableShutdownHooks([], { useProcessExit: true });
