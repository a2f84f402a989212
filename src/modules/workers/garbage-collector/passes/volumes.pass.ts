import { Inject, Injectable } from '@nestjs/common';
import { Transactions } from '../../../database/transaction.js';
import { type Provider, type ProviderVolume } from '../../../providers/provider.js';
import { ProviderRegistry } from '../../../providers/provider.registry.js';
import { GARBAGE_COLLECTOR_SETTINGS, type GarbageCollectorSettings } from '../garbage-collector.options.js';
import { eachStore } from './each-store.js';
import { type GarbagePass, type PassContext, type PassLimits, type PassScope } from './garbage-pass.js';
import { isOlder } from './garbage.statements.js';
import { type Garbage, SweepPass } from './sweep-pass.js';

/**
 * Volumes of instances whose deletion this database has recorded. Those of lost instances stay, as a restored row needs their
 * data; so do those of instances that it never had, which may be another control plane's. Only with the option `volumes: true`.
 */
@Injectable()
export class VolumesPass implements GarbagePass {
  readonly name = 'volumes';
  readonly description = 'Volumes of instances that were deleted; only with the option `volumes`.';
  readonly scope: PassScope = 'replica';

  constructor(
    private readonly registry: ProviderRegistry,
    private readonly transactions: Transactions,
    @Inject(GARBAGE_COLLECTOR_SETTINGS) private readonly settings: GarbageCollectorSettings,
  ) {}

  async run(context: PassContext): Promise<void> {
    if (!this.settings.volumes) return;
    await eachStore(this.registry, context, async ({ provider }) => {
      if (provider.volumes && provider.removeVolume)
        await new VolumesOfStore(provider, this.transactions).run(context);
    });
  }
}

interface OrphanedVolume extends Garbage {
  readonly volume: ProviderVolume;
}

/** $1: instances. $2: milliseconds. */
const DELETED = `
SELECT x.id FROM deletions x WHERE x.id = ANY ($1::text[]) AND ${isOlder('x.deleted_at', '$2')}
  AND NOT EXISTS (SELECT FROM instances i WHERE i.id = x.id)
  AND NOT EXISTS (SELECT FROM rowless_instances r WHERE r.instance_id = x.id)`;

class VolumesOfStore extends SweepPass<OrphanedVolume> {
  readonly name = 'volumes';
  readonly description = 'Volumes of one store.';

  constructor(
    private readonly provider: Provider,
    private readonly transactions: Transactions,
  ) {
    super();
  }

  /** The list first, then the rows: a row is there before its volume. */
  protected async *pages(
    { pageSize, gracePeriod }: PassLimits,
    signal: AbortSignal,
  ): AsyncIterable<readonly OrphanedVolume[]> {
    const volumes = await this.provider.volumes!(signal);
    for (let start = 0; start < volumes.length; start += pageSize) {
      const page = volumes.slice(start, start + pageSize);
      const deleted = await this.deleted(page, gracePeriod);
      yield page
        .filter(({ instanceId }) => deleted.has(instanceId))
        .map((volume) => ({
          key: volume.name,
          tenantId: volume.tenantId,
          cause: 'deleted' as const,
          volume,
        }));
    }
  }

  protected async remove({ volume }: OrphanedVolume, signal: AbortSignal): Promise<boolean> {
    // Once more, right before: its row may have been restored since.
    if (!(await this.deleted([volume], 0)).has(volume.instanceId)) return false;
    return this.provider.removeVolume!(volume.name, signal);
  }

  private async deleted(volumes: readonly ProviderVolume[], gracePeriod: number): Promise<Set<string>> {
    const ids = volumes.map(({ instanceId }) => instanceId);
    const rows = await this.transactions.query<{ id: string }>(DELETED, [ids, gracePeriod]);
    return new Set(rows.map(({ id }) => id));
  }
}
