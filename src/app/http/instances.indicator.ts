import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { type ProviderInstance } from '../../modules/providers/provider.js';
import { ProviderRegistry } from '../../modules/providers/provider.registry.js';

/** Instances that the answer names. */
const SHOWN = 10;

/** Milliseconds for which an answer of the providers is good: health is asked often, and a list reads every instance. */
const FRESH = 2_000;

/** What the providers say of the instances that should run: degraded while one of them does not. */
@Injectable()
export class InstancesIndicator {
  private listed?: { at: number; instances: Promise<ProviderInstance[]> };

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly providers: ProviderRegistry,
  ) {}

  async isHealthy<const Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const session = this.indicators.check(key);
    try {
      const wanted = (await this.instances()).filter(({ desiredState }) => desiredState !== 'stopped');
      const troubled = wanted.filter(({ state }) => state !== 'running');
      const counts = { running: wanted.length - troubled.length, wanted: wanted.length };
      if (troubled.length === 0) return session.up(counts);
      const shown = troubled.slice(0, SHOWN).map(({ instanceId, state }) => ({ instanceId, state }));
      return session.degraded({ ...counts, troubled: shown });
    } catch (error) {
      return session.degraded({ reason: (error as Error).message });
    }
  }

  private instances(): Promise<ProviderInstance[]> {
    const now = performance.now();
    if (!this.listed || now - this.listed.at > FRESH) this.listed = { at: now, instances: this.list() };
    return this.listed.instances;
  }

  private async list(): Promise<ProviderInstance[]> {
    return (await Promise.all(this.providers.list().map(({ provider }) => provider.list()))).flat();
  }
}
