/*
 * A worker that computes for seconds in a thread, and one beside it that stays on time.
 *
 *     npm run examples:build && node dist/examples/isolation/main.js
 *     ISOLATE=no node dist/examples/isolation/main.js      the same without a thread, for comparison
 */
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Interval, type RunContext, WorkerModule } from 'ctrlplane-workers';
import { PasswordsModule } from './passwords.module.js';

@Injectable()
class Pulse {
  private beats = 0;
  private latest = 0;

  @Interval('pulse', '100ms')
  beat({ scheduledAt, logger }: RunContext): void {
    this.latest = Math.max(this.latest, Date.now() - scheduledAt.getTime());
    if (++this.beats % 20 !== 0) return;
    logger.log(`20 beats, the latest ${Math.round(this.latest)} ms after its slot`);
    this.latest = 0;
  }
}

// What a thread loads. The application imports the module as well, as it schedules the worker.
const module = new URL('./passwords.module.js', import.meta.url);

@Module({
  imports: [
    PasswordsModule,
    WorkerModule.forRoot({ isolation: process.env.ISOLATE === 'no' ? false : { module } }),
  ],
  providers: [Pulse],
})
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule);
app.enableShutdownHooks([], { useProcessExit: true });
