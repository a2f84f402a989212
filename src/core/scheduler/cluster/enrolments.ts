import { type LoggerService } from '@nestjs/common';
import { type Enrolment } from '../../coordination/coordinator.js';
import { storeTiming } from '../../registry/stored-timing.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { messageOf } from '../../text/describe-error.js';
import { type ClusterLoop } from './cluster-loop.js';
import { type ClusterParts } from './cluster-parts.js';

/** Workers that are made known in one call, and begin in one turn of the event loop: 10 ms. */
const ENROLLED_TOGETHER = 250;

/** Makes the workers of this replica known to the coordinator, which lets their loops begin. */
export class Enrolments {
  /** Those that the coordinator does not know of yet. */
  private readonly fresh = new Map<string, ClusterLoop>();
  private enrolling?: Promise<void>;

  constructor(
    private readonly parts: Pick<ClusterParts, 'coordinator' | 'clock' | 'reached'>,
    private readonly logger: Pick<LoggerService, 'error'>,
  ) {}

  add(loop: ClusterLoop): void {
    this.fresh.set(loop.definition.name, loop);
  }

  forget(name: string): void {
    this.fresh.delete(name);
  }

  /** Enrols all that are not known yet; what is added meanwhile is among them. Rejects when the coordinator does. */
  enroll(): Promise<void> {
    if (this.fresh.size === 0) return Promise.resolve();
    return (this.enrolling ??= this.enrollFresh().finally(() => (this.enrolling = undefined)));
  }

  private async enrollFresh(): Promise<void> {
    // Those that are added in one turn go together.
    await undefined;
    const asked = new Set<string>();
    for (;;) {
      const batch: ClusterLoop[] = [];
      for (const [name, loop] of this.fresh) {
        if (asked.has(name)) continue;
        asked.add(name);
        if (batch.push(loop) === ENROLLED_TOGETHER) break;
      }
      if (batch.length === 0) return;
      await this.enrollBatch(batch);
    }
  }

  private async enrollBatch(batch: readonly ClusterLoop[]): Promise<void> {
    const { clock, coordinator, reached } = this.parts;
    const now = clock.now();
    const enrolments = batch.map(({ definition }) => enrolmentOf(definition, now));
    const { records, refused } = clock.heard(await coordinator.enroll(enrolments));
    reached(undefined, 'enrolments');
    for (const { name, error } of refused ?? []) {
      this.fresh.delete(name);
      this.logger.error(
        `"${name}" will not run here, as the coordination can never know it; give it another name: ${messageOf(error)}`,
      );
    }
    for (const record of records) {
      const loop = this.fresh.get(record.name);
      if (this.fresh.delete(record.name)) loop!.enrolled(record);
    }
  }
}

function enrolmentOf(definition: WorkerDefinition, now: number): Enrolment {
  const { name, every, interval, schedule, spacing } = definition;
  return {
    name,
    timing: storeTiming(every, definition),
    slot: spacing === 'delay' ? Math.floor(now) : (schedule?.latest(now) ?? -Infinity),
    ...(spacing === 'delay' && { delay: interval }),
  };
}
