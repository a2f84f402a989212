import { Inject, Injectable } from '@nestjs/common';
import { RunContext } from '../../../core/worker/run-context.js';
import { Interval } from '../../../core/worker/interval.decorator.js';
import { withSystemClaims } from '../../auth/claims.js';
import { EventBus } from '../../events/event-bus.js';
import { isId, type TenantId } from '../../ids/typed-id.js';
import { InstancesService } from '../../instances/instances.service.js';
import {
  GARBAGE_COLLECTOR_OPTIONS,
  type GarbageCollectorOptions,
  type GarbageCollectorSettings,
  garbageCollectorSettings,
} from './garbage-collector.options.js';
import { type OrphanCandidate, OrphanRepository, type SweptPage } from './orphan.repository.js';

/**
 * A page is one query, bounded by both: it holds an entry for each workload in memory, and when it fails its
 * tenants are looked at one by one. Smaller ones cost time: a sweep by ten tenants takes half as long again.
 */
const TENANTS_PER_PAGE = 50;
const INSTANCES_PER_PAGE = 25_000;
/** Keeps two cores of a database busy, and leaves half of the default pool to others. */
const PAGES_AT_ONCE = 4;

/** What a sweep came to. */
interface Tally {
  tenants: number;
  visited: number;
  orphans: number;
  deleted: number;
  failedTenants: number;
}

/**
 * Deletes instances whose workload is gone: after a cascade that crashed, a workload removed by hand, a backup
 * restored in part. It is the backstop; the normal way is `WorkloadsService.delete`.
 *
 * An instance is an orphan only if its label `ctrlplane.workload` holds a well-formed id, it is older than the
 * grace period, and the store says that there is no such workload, asked again right before the deletion.
 * `ctrlplane.gc=protect` keeps it. A tenant in trouble is told by one `gc.tenant_failed` a tick, and keeps no
 * other tenant waiting: positions move on in any case, and what failed is met again on the next pass.
 */
@Injectable()
export class GarbageCollector {
  readonly settings: GarbageCollectorSettings;

  constructor(
    @Inject(GARBAGE_COLLECTOR_OPTIONS) options: GarbageCollectorOptions,
    private readonly orphans: OrphanRepository,
    private readonly instances: InstancesService,
    private readonly events: EventBus,
  ) {
    this.settings = garbageCollectorSettings(options);
  }

  /** One tick: the next instances of every tenant. */
  @Interval<GarbageCollector>('gc', (gc) => gc.settings.interval)
  async run(context: RunContext): Promise<void> {
    const tally: Tally = { tenants: 0, visited: 0, orphans: 0, deleted: 0, failedTenants: 0 };
    const pages = this.orphans.tenantsAcrossTenants(this.tenantsPerPage())[Symbol.asyncIterator]();
    // One iterator under several loops: each takes the next page when it is done with its own.
    const loop = async (): Promise<void> => {
      for (let page = await pages.next(); !page.done; page = await pages.next()) {
        context.signal.throwIfAborted();
        await this.sweepPage(page.value, tally, context);
        context.progress(tally.tenants, undefined, summary(tally, this.settings));
      }
    };
    // All of them, also when one fails: nothing may go on when the run has ended.
    const ends = await Promise.allSettled(Array.from({ length: PAGES_AT_ONCE }, loop));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    if (tally.tenants > 0 && tally.failedTenants === tally.tenants)
      throw new Error(`Not one of ${tally.tenants} tenants could be swept: see the gc.tenant_failed events`);
  }

  private tenantsPerPage(): number {
    const thatFit = Math.floor(INSTANCES_PER_PAGE / this.settings.maxInstancesPerTick);
    return Math.max(1, Math.min(TENANTS_PER_PAGE, thatFit));
  }

  private async sweepPage(tenantIds: TenantId[], tally: Tally, context: RunContext): Promise<void> {
    const { maxInstancesPerTick: maxInstances, instanceGracePeriod: olderThan } = this.settings;
    let page: SweptPage;
    try {
      page = await this.orphans.sweepAcrossTenants(tenantIds, { maxInstances, olderThan });
    } catch (error) {
      context.signal.throwIfAborted();
      // Whatever broke the query, it must not hide the other tenants of the page.
      if (tenantIds.length > 1)
        for (const tenantId of tenantIds) await this.sweepPage([tenantId], tally, context);
      else {
        tally.tenants++;
        await this.tenantFailed(tenantIds[0]!, [error], tally, context);
      }
      return;
    }
    tally.visited += page.visited;
    for (const tenantId of tenantIds) {
      tally.tenants++;
      const own = page.orphans.filter((orphan) => orphan.tenantId === tenantId);
      if (own.length > 0) await this.collect(tenantId, own, tally, context);
    }
    await this.orphans.storePositions(tenantIds, page.positions);
  }

  private async collect(
    tenantId: TenantId,
    candidates: OrphanCandidate[],
    tally: Tally,
    context: RunContext,
  ) {
    const errors: unknown[] = [];
    for (const candidate of candidates) {
      context.signal.throwIfAborted();
      if (candidate.protected || !isId('workload', candidate.workloadId)) continue;
      try {
        if (!(await this.orphans.isOrphan(candidate))) continue;
        tally.orphans++;
        await this.sweep(candidate, context);
        if (!this.settings.dryRun) tally.deleted++;
      } catch (error) {
        context.signal.throwIfAborted();
        errors.push(error);
      }
    }
    if (errors.length > 0) await this.tenantFailed(tenantId, errors, tally, context);
  }

  private async sweep(
    { tenantId, instanceId, workloadId }: OrphanCandidate,
    context: RunContext,
  ): Promise<void> {
    if (this.settings.dryRun) {
      context.logger.log(`Dry run: would delete ${instanceId} of ${tenantId}, whose ${workloadId} is gone`);
      return;
    }
    await withSystemClaims(tenantId, () =>
      this.instances.delete(tenantId, instanceId, { reason: 'orphan_swept', signal: context.signal }),
    );
    context.logger.log(`Deleted ${instanceId} of ${tenantId}, whose ${workloadId} is gone`);
  }

  private async tenantFailed(
    tenantId: TenantId,
    errors: unknown[],
    tally: Tally,
    context: RunContext,
  ): Promise<void> {
    tally.failedTenants++;
    const error = errors[0] instanceof Error ? errors[0].message : String(errors[0]);
    context.logger.warn(
      `${tenantId}: ${error}${errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''}`,
    );
    await this.events.publish({
      type: 'gc.tenant_failed',
      tenantId,
      payload: { error, failures: errors.length },
    });
  }
}

function summary(
  { visited, orphans, deleted, failedTenants }: Tally,
  { dryRun }: GarbageCollectorSettings,
): string {
  const swept = dryRun
    ? `${orphans} orphans left alone (dry run)`
    : `${deleted} of ${orphans} orphans deleted`;
  return `${visited} instances examined, ${swept}${failedTenants ? `, ${failedTenants} tenants failed` : ''}`;
}
