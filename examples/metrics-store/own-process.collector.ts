import { Injectable } from '@nestjs/common';
import {
  type CollectedSample,
  type MetricCollector,
  TelemetryCollector,
} from 'ctrlplane-workers/control-plane';

/** What this process uses, by its own account. */
@TelemetryCollector()
@Injectable()
export class OwnProcess implements MetricCollector {
  private readonly startedAt = new Date(Date.now() - process.uptime() * 1_000);

  collect(): CollectedSample[] {
    const { user, system } = process.cpuUsage();
    return [
      { name: 'process_cpu_seconds_total', value: (user + system) / 1e6, startedAt: this.startedAt },
      { name: 'process_resident_memory_bytes', value: process.memoryUsage().rss },
    ];
  }
}
