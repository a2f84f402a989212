import { Injectable } from '@nestjs/common';
import { forEachIsolated } from '../concurrency/for-each-isolated.js';
import { type Datacenter } from '../datacenters/datacenter.js';
import { EventBus } from '../events/event-bus.js';
import { messageOf } from '../../core/text/describe-error.js';
import { hashOf } from '../providers/spec-hash.js';
import { BootstrapHooks } from './bootstrap-hooks.js';
import { BootstrapRepository } from './bootstrap.repository.js';
import { type Contribution } from './bootstrap-service.js';
import { type CheckedBootstrapSpec, parseBootstrapSpecs } from './bootstrap-spec.js';

/** A bootstrap service that a datacenter should have. */
export interface DesiredService {
  /** `declared`, or `hook:<name>`. */
  origin: string;
  spec: CheckedBootstrapSpec;
}

/**
 * What a datacenter should have: what it declares, and what the hooks contribute, by name. The declaration wins, then
 * the hook that was registered first.
 *
 * What a hook contributed is kept. A hook that throws, hangs or returns something invalid contributes the same as last
 * time, also after a restart, so its failure retires nothing; one that has never succeeded contributes nothing.
 */
@Injectable()
export class BootstrapDesired {
  constructor(
    private readonly hooks: BootstrapHooks,
    private readonly bootstraps: BootstrapRepository,
    private readonly events: EventBus,
  ) {}

  /** @param timeout what a hook may take, in milliseconds */
  async of(
    datacenter: Datacenter,
    timeout: number,
    signal?: AbortSignal,
    keep = true,
  ): Promise<Map<string, DesiredService>> {
    const desired = new Map<string, DesiredService>();
    const add = (origin: string, specs: readonly CheckedBootstrapSpec[]) => {
      for (const spec of specs) if (!desired.has(spec.name)) desired.set(spec.name, { origin, spec });
    };
    add('declared', parseBootstrapSpecs(datacenter.bootstrap));
    for (const { hook, specs } of await this.contributions(datacenter, timeout, signal, keep))
      add(`hook:${hook}`, specs);
    return desired;
  }

  private async contributions(
    datacenter: Datacenter,
    timeout: number,
    signal: AbortSignal | undefined,
    keep: boolean,
  ): Promise<Contribution[]> {
    const kept = new Map(
      (await this.bootstraps.contributions(datacenter.id)).map((each) => [each.hook, each]),
    );
    const hooks = this.hooks.all();
    const now = new Map<string, Contribution>();
    const { failures } = await forEachIsolated(
      hooks,
      { timeout, signal, key: ({ name }) => name },
      async (hook, own) => {
        const specs = parseBootstrapSpecs(await hook.contribute(datacenter, own));
        now.set(hook.name, { hook: hook.name, specs });
      },
    );
    for (const { key, error } of failures)
      now.set(key, { hook: key, specs: kept.get(key)?.specs ?? [], error: messageOf(error) });
    if (keep) await this.keep(datacenter, kept, now);
    return hooks.map(({ name }) => now.get(name)!);
  }

  private async keep(
    datacenter: Datacenter,
    kept: ReadonlyMap<string, Contribution>,
    now: ReadonlyMap<string, Contribution>,
  ): Promise<void> {
    for (const contribution of now.values()) {
      const { hook, error } = contribution;
      const before = kept.get(hook);
      if (before && isSame(before, contribution)) continue;
      await this.bootstraps.keepContribution(datacenter.id, contribution);
      if (error !== undefined && before?.error === undefined)
        await this.events.publish({
          type: 'bootstrap.hook_failed',
          tenantId: datacenter.tenantId,
          payload: { datacenterId: datacenter.id, hook, error },
        });
    }
    for (const hook of kept.keys())
      if (!now.has(hook)) await this.bootstraps.dropContribution(datacenter.id, hook);
  }
}

/** What failed goes on failing, with whichever words. jsonb does not keep the order of keys. */
function isSame(one: Contribution, other: Contribution): boolean {
  if (one.error !== undefined && other.error !== undefined) return true;
  return one.error === other.error && hashOf(one.specs) === hashOf(other.specs);
}
