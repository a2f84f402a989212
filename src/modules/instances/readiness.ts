import { Injectable } from '@nestjs/common';
import { type InstanceId } from '../ids/typed-id.js';
import { type Instance } from './instance.js';
import { InstanceRepository } from './instance.repository.js';

/** True, or why not, as the end of a sentence that begins with the instance. False: not, for no reason that can be told. */
export type Readiness = boolean | string;

/**
 * Knows more of how instances are than that they run, such as health checks.
 * @returns of those that it knows of whether they are ready; the others are left out
 */
export type ReadinessCheck = (instances: readonly Instance[]) => Promise<ReadonlyMap<InstanceId, Readiness>>;

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
    const verdicts = await this.verdicts(running);
    const now = Number(await this.instances.now());
    const isReady = ({ id, stateSince }: Instance): boolean => {
      const known = verdicts.map((verdict) => verdict.get(id)).filter((ready) => ready !== undefined);
      return known.length ? known.every((verdict) => verdict === true) : now - Number(stateSince) >= minReady;
    };
    return new Set(running.filter(isReady).map(({ id }) => id));
  }

  /** @returns why one of them is not ready, in words that begin with its id; undefined where no check says why */
  async reasonAgainst(instances: readonly Instance[]): Promise<string | undefined> {
    const verdicts = await this.verdicts(instances);
    for (const { id } of instances) {
      const reason = verdicts.map((verdict) => verdict.get(id)).find((ready) => typeof ready === 'string');
      if (reason !== undefined) return `${id}: ${reason}`;
    }
    return undefined;
  }

  private async verdicts(instances: readonly Instance[]): Promise<ReadonlyMap<InstanceId, Readiness>[]> {
    const verdicts: ReadonlyMap<InstanceId, Readiness>[] = [];
    // One after the other: the caller may be in a transaction, which is one connection.
    for (const check of this.checks) verdicts.push(await check(instances));
    return verdicts;
  }
}
