import { Injectable, Optional } from '@nestjs/common';
import { Interval } from '../../../core/worker/interval.decorator.js';
import { type RunContext } from '../../../core/worker/run-context.js';
import { EventBus } from '../../events/event-bus.js';
import { systemClaims, withClaims } from '../../auth/claims.js';
import { TelemetryStore } from '../../telemetry/telemetry.store.js';

/** Keeps what was collected in shape: rollups, room for what comes, and an end for what is old. */
@Injectable()
export class TelemetryKeeper {
  constructor(
    private readonly store: TelemetryStore,
    @Optional() private readonly events?: EventBus,
  ) {}

  /** Every minute: the windows that are closed, and those that late points have changed; and what killed processes have lost. */
  @Interval('telemetry_rollups', '1m', { timeout: '10m' })
  async rollUp({ signal, progress, logger }: RunContext): Promise<void> {
    for (const { writer, readings, samples } of await this.store.takeLost()) {
      logger.warn(
        `${writer} ended before it had stored ${readings} readings and ${samples} samples: they are lost`,
      );
      await withClaims(systemClaims('worker'), async () =>
        this.events?.publish({ type: 'telemetry.points_lost', payload: { writer, readings, samples } }),
      );
    }
    const windows = await this.store.rollUp(signal);
    progress(windows, windows, `${windows} windows rolled up`);
  }

  /** Every five minutes: partitions ahead, and those that are too old or too much. */
  @Interval('telemetry_retention', '5m', { timeout: '10m' })
  async maintain({ signal, progress, logger }: RunContext): Promise<void> {
    const { made, dropped, inUse, collected } = await this.store.maintain(signal);
    for (const { name, reason } of dropped)
      if (reason === 'size')
        logger.warn(`Dropped ${name} before its time, as there is more than may be kept (maxRawBytes)`);
    const told = [
      `${made.length} partitions made`,
      `${dropped.length} dropped`,
      `${collected} series collected`,
    ];
    if (inUse.length > 0) told.push(`${inUse.length} in use`);
    progress(dropped.length, dropped.length + inUse.length, told.join(', '));
  }
}
