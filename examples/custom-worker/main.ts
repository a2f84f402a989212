/*
 * A worker of your own, in a module of its own: every ten seconds it removes uploads that nobody has touched for an
 * hour from the directory UPLOADS (default: one in the temporary directory).
 *
 *     npm run examples:build && node dist/examples/custom-worker/main.js
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import { UploadsModule } from './uploads.module.js';

@Module({ imports: [WorkerModule.forRoot(), UploadsModule] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule);
// Without this, Nest hears no SIGTERM, and runs are cut off instead of drained.
app.enableShutdownHooks([], { useProcessExit: true });
