import { Injectable } from '@nestjs/common';
import { Transactions } from '../../../database/transaction.js';
import { type InstanceId } from '../../../ids/typed-id.js';
import { ProviderRegistry } from '../../../providers/provider.registry.js';
import { ProviderStores } from '../../../providers/provider-stores.js';
import { StoreOrphans } from '../../../store-orphans/store-orphans.js';
import { eachStore } from './each-store.js';
import { type GarbagePass, type PassContext, type PassScope } from './garbage-pass.js';

const INSTANCES_AT_ONCE = 8;
const INSTANCE_TIMEOUT = 30_000;

/** $1: store. Whether a reconciler has held it within the last hour. */
const IS_ATTENDED = `
SELECT EXISTS (SELECT FROM provider_stores s
  WHERE s.id = $1 AND s.seen_at > statement_timestamp() - interval '1 hour') AS attended`;

/** $1: store. */
const ROWS = 'SELECT id FROM instances WHERE provider_store = $1';

/**
 * What the stores of this replica hold without a row, where no reconciler attends to the store. A reconciler would give lost
 * instances their rows again and remove the rest by the same rule (`StoreOrphans`); this pass only removes. The brakes on
 * instances hold back what is lost.
 */
@Injectable()
export class StoreOrphansPass implements GarbagePass {
  readonly name = 'store_orphans';
  readonly description = 'What a store of a provider holds without a row, where no reconciler attends to it.';
  readonly scope: PassScope = 'replica';

  constructor(
    private readonly registry: ProviderRegistry,
    private readonly stores: ProviderStores,
    private readonly orphans: StoreOrphans,
    private readonly transactions: Transactions,
  ) {}

  async run(context: PassContext): Promise<void> {
    const { signal, dryRun, report, brake, limits } = context;
    await eachStore(this.registry, context, async ({ name, provider }) => {
      const store = await this.stores.idOf(name, signal);
      if (await this.isAttended(store)) return;
      // The list first, then the rows: a row is there before what runs for it.
      const list = await provider.list(signal);
      signal.throwIfAborted();
      const rows = await this.transactions.query<{ id: InstanceId }>(ROWS, [store]);
      const findings = await this.orphans.find(new Set(rows.map(({ id }) => id)), list);
      report.found += findings.withoutRow.length;
      if (dryRun) return;
      const { removed, failed } = await this.orphans.remove(
        store,
        provider,
        findings,
        {
          brake,
          orphanGracePeriod: limits.gracePeriod,
          concurrency: INSTANCES_AT_ONCE,
          instanceTimeout: INSTANCE_TIMEOUT,
          maxInstances: Math.max(0, limits.maxItems - report.removed),
        },
        signal,
      );
      report.removed += removed.length;
      report.failed += failed;
      report.held = report.found - report.removed - report.failed;
    });
  }

  private async isAttended(store: string): Promise<boolean> {
    const [row] = await this.transactions.query<{ attended: boolean }>(IS_ATTENDED, [store]);
    return row!.attended;
  }
}
