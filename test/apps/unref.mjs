// An application of a cluster that has nothing to wait for but the slots of its workers. URL: the database; UNREF: whether
// waiting for them keeps it alive.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import { postgres } from 'ctrlplane-workers/postgres';

class AppModule {}
Module({
  imports: [WorkerModule.forRoot({ coordination: postgres({ connectionString: process.env.URL }) })],
})(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
app
  .get(Scheduler)
  .register({ name: 'w', interval: '1h', unref: process.env.UNREF === 'true', run: () => {} });
process.stdout.write('ready\n');
