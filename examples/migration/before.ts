/*
 * An application on @nestjs/schedule. after.ts is the same one on ctrlplane-workers.
 *
 *     npm run examples:build && node dist/examples/migration/before.js
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ScheduleModule } from '@nestjs/schedule';
import { Tasks } from './tasks.js';

@Module({ imports: [ScheduleModule.forRoot()], providers: [Tasks] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule);
app.enableShutdownHooks([], { useProcessExit: true });
