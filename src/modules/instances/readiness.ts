import { Injectable } from '@nestjs/common';
import { type InstanceId } from '../ids/typed-id.js';
import { type Instance } from './instance.js';
import { InstanceRepository } from './instance.repository.js';

/**
 * Knows more of how instances are than that they run, such as health checks.
 * @returns of those that it knows of whether they are ready; the others are left out
 */
export type ReadinessCheck = (instances: readonly Instance[]) => Promise<ReadonlyMap<InstanceId, boolean>>;

/**
 * Whether instances can do their work: a rolling update goes on when they can. By the checks that have been added;
 * where none knows of it, an instance is ready when it has been running for `minReady`.
 */
@Injectable()
export class InstanceReadiness {
  private readonly checks: ReadinessCheck[] = [];

  constructor(private readonly instances: InstanceRepository) {}

  /** For a module that knows more, in its `onModuleInit`. An instance has to be ready by all that know of it. */
  add(check: ReadinessCheck): void {
    this.checks.push(check);
  }

  /**
   * @param minReady milliseconds
   * @returns which of them are ready. A check that fails proves nothing: rejects.
   */
  async ready(instances: readonly Instance[], minReady: number): Promise<ReadonlySet<InstanceId>> {
    const running = instances.filter(
      ({ state, desiredState, reason }) => state === 'running' && desiredState === 'running' && !reason,
    );
    if (!running.length) return new Set();
    const verdicts: ReadonlyMap<InstanceId, boolean>[] = [];
    // One after the other: the caller may be in a transaction, which is one connection.
    for (const check of this.checks) verdicts.push(await check(running));
    const now = Number(await this.instances.now());
    const isReady = ({ id, stateSince }: Instance): boolean => {
      const known = verdicts.map((verdict) => verdict.get(id)).filter((ready) => ready !== undefined);
      return known.length ? known.every(Boolean) : now - Number(stateSince) >= minReady;
    };
    return new Set(running.filter(isReady).map(({ id }) => id));
  }
}
