// A replica that runs stored schedules, to be killed. URL is that of its database, LEASE its lease. Each run has one effect: a row of
// `audit.effects`, written in a transaction that only the holder of the claim can commit.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import { DatabaseModule, Scheduled, SchedulesModule, Transactions } from 'ctrlplane-workers/control-plane';

const { URL: url, LEASE: lease } = process.env;

class Jobs {
  constructor(transactions) {
    this.transactions = transactions;
  }
  async run(context) {
    const { key, slot, attempt, fencingToken } = context;
    await this.transactions.run(async () => {
      await context.assertCurrent(this.transactions.manager());
      await this.transactions.query(
        'INSERT INTO audit.effects (key, slot, attempt, token) VALUES ($1, $2, $3, $4)',
        [key, slot, attempt, fencingToken],
      );
    });
  }
}
Reflect.defineMetadata('design:paramtypes', [Transactions], Jobs);
const decorate = Scheduled('job', { record: 'failures', concurrency: 20 });
decorate(Jobs.prototype, 'run', Object.getOwnPropertyDescriptor(Jobs.prototype, 'run'));

class App {}
Module({
  imports: [
    DatabaseModule.forRoot({ url, tables: 'schedules' }),
    WorkerModule.forRoot(),
    SchedulesModule.forRoot({ lease }),
  ],
  providers: [Jobs],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
console.log('ready');
