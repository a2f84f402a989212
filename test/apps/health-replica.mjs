// A replica that runs health checks, and says how the database knows it.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import { DatabaseModule, HealthRunner, HealthRunnerModule } from 'ctrlplane-workers/control-plane';

class Replica {}
Module({
  imports: [
    DatabaseModule.forRoot({ url: process.env.DATABASE_URL }),
    WorkerModule.forRoot(),
    HealthRunnerModule.forRoot({ instances: false, egress: { allow: ['127.0.0.0/8'] } }),
  ],
})(Replica);

const app = await NestFactory.createApplicationContext(Replica, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
console.log(`replica ${app.get(HealthRunner, { strict: false }).replica}`);
