/** A replica that runs stored schedules, to be killed: URL is that of its database, LEASE its lease. It says `ready` when it has started. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import { DatabaseModule, Scheduled, SchedulesModule } from 'ctrlplane-workers/control-plane';

const { URL: url, LEASE: lease } = process.env;

/** @param Jobs provider whose method `run` is the handler `job` */
export async function startReplica(Jobs, options) {
  Scheduled('job', options)(Jobs.prototype, 'run', Object.getOwnPropertyDescriptor(Jobs.prototype, 'run'));
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
}
