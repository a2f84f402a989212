import { SetMetadata } from '@nestjs/common';
import { type CheckedInstance } from './instance-access.js';
import { type ProbeResult } from './health-check.js';

export const HEALTH_CHECKER = 'ctrlplane-workers:health-checker';

/** What a checker is asked about. */
export interface CheckerRequest {
  /** As the check was configured. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What the check belongs to. */
  readonly instance?: Pick<CheckedInstance, 'id' | 'provider' | 'endpoints'>;
  /** Aborts when the check's time is over. */
  readonly signal: AbortSignal;
}

/** A kind of check of one's own. What it throws is a failure of the target, with the error's message. */
export interface Checker {
  check(request: CheckerRequest): Promise<ProbeResult> | ProbeResult;
}

/**
 * Makes a provider the checker of that name, for checks of the type `custom`.
 *
 * @publicApi
 * @example
 * @HealthChecker('redis')
 * @Injectable()
 * export class RedisChecker implements Checker {
 *   constructor(private readonly redis: Redis) {}
 *
 *   async check(): Promise<ProbeResult> {
 *     await this.redis.ping();
 *     return { outcome: 'success', message: 'PONG' };
 *   }
 * }
 */
export const HealthChecker = (name: string): ClassDecorator => SetMetadata(HEALTH_CHECKER, name);
