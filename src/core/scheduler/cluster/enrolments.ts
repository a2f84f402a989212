import { type LoggerService } from '@nestjs/common';
import { type Enrolment } from '../../coordination/coordinator.js';
import { storeTiming } from '../../registry/stored-timing.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { messageOf } from '../../text/describe-error.js';
import { type ClusterLoop } from './cluster-loop.js';
import { type ClusterParts } from './cluster-parts.js';

/** Workers that are enrolled in one call, and begin in one turn of the event loop: 10 ms. */
const ENROLLED_TOGETHER = 250;

/** Enrols the workers of this replica at the coordinator, and then begins their loops. */
export class Enrolments {
  /** Loops that are not enrolled yet. */
  private readonly fresh = new Map<string, ClusterLoop>();
  private readonly failing = new Set<string>();
  private enrolling?: Promise<void>;

  constructor(
    private readonly parts: Pick<ClusterParts, 'coordinator' | 'clock' | 'reached'>,
    private readonly logger: Pick<LoggerService, 'error'>,
  ) {}

  add(loop: ClusterLoop): void {
    this.fresh.set(loop.definition.name, loop);
  }

  forget(name: string): void {
    this.failing.delete(name);
    this.fresh.delete(name);
  }

  /** Enrols all workers that are not enrolled, also those that are added meanwhile. Rejects when the coordinator does. */
  enroll(): Promise<void> {
    if (this.fresh.size === 0) return Promise.resolve();
    return (this.enrolling ??= this.enrollFresh().finally(() => (this.enrolling = undefined)));
  }

  private async enrollFresh(): Promise<void> {
    // Workers that are added in one turn are enrolled together.
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
    const enrolments = batch.flatMap(
      ({ definition }) => this.isolated(definition.name, () => enrolmentOf(definition, now)) ?? [],
    );
    if (enrolments.length === 0) return;
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
      if (!loop || !this.isolated(record.name, () => (loop.enrolled(record), true))) continue;
      this.fresh.delete(record.name);
      this.failing.delete(record.name);
    }
  }

  /**
   * A worker that fails does not prevent the others from starting; it is tried again with the next pulse, and logged
   * once.
   */
  private isolated<T>(name: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!this.failing.has(name))
        this.logger.error(
          `"${name}" could not begin, and the others do; it is tried again: ${messageOf(error)}`,
        );
      this.failing.add(name);
      return undefined;
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
