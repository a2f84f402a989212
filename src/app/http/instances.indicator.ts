import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { type InstanceId } from '../../modules/ids/typed-id.js';
import { ProviderRegistry } from '../../modules/providers/provider.registry.js';
import { ProviderStores } from '../../modules/providers/provider-stores.js';
import { type ProviderInstance, type ProviderState } from '../../modules/providers/provider.js';
import { DriftRepository } from '../../modules/workers/reconciler/drift.repository.js';
import { sleep } from '../../core/timing/timer.js';

/** Instances that the answer names. */
const SHOWN = 10;

/** Milliseconds for which an answer is good: health is asked often, and a list reads every instance. */
const FRESH = 2_000;

/** Milliseconds. Who asks for health does not wait for a database that hangs. */
const PATIENCE = 1_000;

interface Count {
  running: number;
  /** Instances that are to run: by their rows, and those that have none yet. */
  wanted: number;
  troubled: { instanceId: InstanceId; state: ProviderState }[];
}

/**
 * What is to run, by the rows, beside what the providers say of it: degraded while one does not. Of the stores that this
 * replica reaches. Without the database, what the providers say alone.
 */
@Injectable()
export class InstancesIndicator {
  private counted?: { at: number; count: Promise<Count> };

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly providers: ProviderRegistry,
    private readonly stores: ProviderStores,
    private readonly drift: DriftRepository,
  ) {}

  async isHealthy<const Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const session = this.indicators.check(key);
    try {
      const { running, wanted, troubled } = await this.count();
      const counts = { running, wanted };
      if (running >= wanted) return session.up(counts);
      return session.degraded({ ...counts, ...(troubled.length && { troubled: troubled.slice(0, SHOWN) }) });
    } catch (error) {
      return session.degraded({ reason: (error as Error).message });
    }
  }

  private count(): Promise<Count> {
    const now = performance.now();
    if (!this.counted || now - this.counted.at > FRESH) this.counted = { at: now, count: this.compare() };
    return this.counted.count;
  }

  /** Rows first: an instance that is made in between is then in a list and among no rows, and not missing. */
  private async compare(): Promise<Count> {
    const expected = await this.expected();
    const lists = await Promise.all(this.providers.list().map(({ provider }) => provider.list()));
    const listed = lists.flat();
    if (!expected) return ofListed(listed);
    const states = new Map(listed.map(({ instanceId, state }) => [instanceId, state]));
    const troubled: Count['troubled'] = [];
    for (const instanceId of expected.ids) {
      const state = states.get(instanceId) ?? 'missing';
      if (state !== 'running') troubled.push({ instanceId, state });
    }
    const rows = expected.ids.length;
    return { running: rows - troubled.length, wanted: rows + expected.unmade, troubled };
  }

  /** Undefined when the database does not answer: that it is away is said by what depends on it. */
  private async expected(): Promise<{ ids: InstanceId[]; unmade: number } | undefined> {
    const late = new AbortController();
    const answer = this.ask().catch(() => undefined);
    const patience = sleep(PATIENCE, late.signal, true).then(nothing, nothing);
    return Promise.race([answer, patience]).finally(() => late.abort());
  }

  private async ask(): Promise<{ ids: InstanceId[]; unmade: number }> {
    const ids: InstanceId[] = [];
    for (const { name } of this.providers.list())
      for (const row of await this.drift.rowsAcrossTenants(await this.stores.idOf(name)))
        if (row.desiredState === 'running' && row.state !== 'destroying') ids.push(row.id);
    return { ids, unmade: await this.drift.unmadeAcrossTenants() };
  }
}

function nothing(): undefined {}

function ofListed(listed: readonly ProviderInstance[]): Count {
  const wanted = listed.filter(({ desiredState }) => desiredState !== 'stopped');
  const troubled = wanted.filter(({ state }) => state !== 'running');
  return { running: wanted.length - troubled.length, wanted: wanted.length, troubled };
}
