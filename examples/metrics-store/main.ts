/*
 * Metrics of your own application, collected every second into a store of your own, without a database: here it holds them
 * in memory and says every few seconds what it has.
 *
 *     npm run examples:build && node dist/examples/metrics-store/main.js
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import { TelemetryCollectorModule } from 'ctrlplane-workers/control-plane';
import { MemoryReport } from './memory.report.js';
import { OwnProcess } from './own-process.collector.js';
import { RecentMetricsStore } from './recent-metrics.store.js';

@Module({
  imports: [
    WorkerModule.forRoot(),
    TelemetryCollectorModule.forRoot({ interval: '1s', store: RecentMetricsStore }),
  ],
  providers: [OwnProcess, MemoryReport],
})
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule);
app.enableShutdownHooks([], { useProcessExit: true });
