/*
 * An interval that comes from configuration, injected as everything else is: REPORT_EVERY, a duration such as 500ms,
 * 30s, 5m (default 10s). One that cannot be read fails the start and says where.
 *
 *     npm run examples:build && REPORT_EVERY=2s node dist/examples/configured-interval/main.js
 */
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type Duration, Interval, type RunContext, WorkerModule } from 'ctrlplane-workers';

/** Yours may come from a file, from a vault, or from @nestjs/config: it only has to be there when the application is. */
@Injectable()
class ReportConfig {
  readonly every = (process.env.REPORT_EVERY ?? '10s') as Duration;
}

@Injectable()
class MemoryReporter {
  constructor(readonly config: ReportConfig) {}

  // The function gets the provider itself, with all that was injected into it.
  @Interval<MemoryReporter>('memory_reporter', ({ config }) => config.every)
  report({ logger }: RunContext): void {
    const { rss } = process.memoryUsage();
    logger.log(`This process uses ${Math.round(rss / 1_048_576)} MiB`);
  }
}

@Module({ imports: [WorkerModule.forRoot()], providers: [ReportConfig, MemoryReporter] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule);
app.enableShutdownHooks([], { useProcessExit: true });
