import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { GarbageCollectorBrakes } from '../../modules/brakes/brakes.service.js';
import { sleep } from '../../core/timing/timer.js';

/** Tenants, and sets of passes, that the answer names. */
const SHOWN = 10;

/** Milliseconds. Who asks for health does not wait for a database that hangs. */
const PATIENCE = 1_000;

/** Whether the garbage collector holds anything back. Degraded while it does: somebody should look at it. */
@Injectable()
export class BrakesIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly brakes: GarbageCollectorBrakes,
  ) {}

  async isHealthy<const Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const session = this.indicators.check(key);
    try {
      const late = new AbortController();
      const answer = await Promise.race([
        this.brakes.health(),
        sleep(PATIENCE, late.signal, true).catch(() => undefined),
      ]).finally(() => late.abort());
      if (!answer) throw new Error(`no answer within ${PATIENCE} ms`);
      const { status, held, heldByPasses } = answer;
      if (status === 'ok') return session.up();
      const tenants = held.slice(0, SHOWN);
      const passes = heldByPasses.slice(0, SHOWN);
      return session.degraded({
        engaged: held.length,
        tenants,
        engagedByPasses: heldByPasses.length,
        passes,
      });
    } catch {
      // Without the database nothing is deleted either. That it is away is said by what depends on it.
      return session.degraded({ reason: 'unknown: the database does not answer' });
    }
  }
}
