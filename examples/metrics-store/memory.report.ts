import { Injectable } from '@nestjs/common';
import { Interval, type RunContext } from 'ctrlplane-workers';
import { OWN_TENANT, systemClaims, TelemetryService, withClaims } from 'ctrlplane-workers/control-plane';

/** Asks for what was collected, as a page or an alert would. */
@Injectable()
export class MemoryReport {
  constructor(private readonly telemetry: TelemetryService) {}

  @Interval('memory_report', '2s')
  async report({ logger }: RunContext): Promise<void> {
    const { series } = await withClaims(
      systemClaims('report'),
      () =>
      this.telemetry.queryMetrics(OWN_TENANT, {
        name: 'process_resident_memory_bytes', step: '1m', aggregation: 'max',
      }), // prettier-ignore
    );
    const most = series[0]?.points.at(-1)?.value;
    if (most) logger.log(`At most ${Math.round(most / 1_048_576)} MiB in this minute`);
  }
}
