import { Inject, Injectable } from '@nestjs/common';
import { RunContext } from '../../../../core/worker/run-context.js';
import { withSystemClaims } from '../../../auth/claims.js';
import { Transactions } from '../../../database/transaction.js';
import { Braking, type TenantFinding, type TickBrakes } from '../../../brakes/braking.js';
import { EventBus } from '../../../events/event-bus.js';
import { forEachIsolated } from '../../../concurrency/for-each-isolated.js';
import { isId, type TenantId } from '../../../ids/typed-id.js';
import { InstancesService } from '../../../instances/instances.service.js';
import { GARBAGE_COLLECTOR_SETTINGS, type GarbageCollectorSettings } from '../garbage-collector.options.js';
import { type OrphanCandidate, OrphanRepository, type SweptPage } from '../orphan.repository.js';
import { newTally, summary, type Tally } from '../tally.js';
import { type GarbagePass, type PassContext } from './garbage-pass.js';

/**
 * A page is one query, bounded by both: it holds an entry for each workload in memory, and when it fails its
 * tenants are looked at one by one. Smaller ones cost time: a sweep by ten tenants takes half as long again.
 */
const TENANTS_PER_PAGE = 50;
const INSTANCES_PER_PAGE = 25_000;
/** Keeps two cores of a database busy, and leaves half of the default pool to others. */
const PAGES_AT_ONCE = 4;

/**
 * Orphans that a tick holds in memory, about 20 MB. What is found is judged as a whole before anything is deleted;
 * beyond this number it is judged in parts.
 */
const MAX_HELD = 50_000;

/** A page that was examined, and waits to be judged. */
interface Examined extends SweptPage {
  tenantIds: readonly TenantId[];
}

/** What one tick knows. */
interface Tick {
  readonly context: RunContext;
  readonly tally: Tally;
  readonly brakes: TickBrakes;
  readonly dryRun: boolean;
  readonly maxItems: number;
}

/**
 * Deletes instances whose workload or tenant is gone: after a cascade that crashed, a workload removed by hand, a backup
 * restored in part. It is the backstop; the normal way is `WorkloadsService.delete`.
 *
 * An instance is an orphan only if its label `ctrlplane.workload` holds a well-formed id, it is older than the
 * grace period, and the store says that there is no such workload, asked again under the row's lock by the statement
 * that marks it for deletion; or that there is no such tenant. `ctrlplane.gc=protect` keeps it. Where nobody is known to
 * have deleted the workload, or too much looks orphaned, nothing is deleted until that has been confirmed (`Braking`).
 *
 * A tenant in trouble is told by one `gc.tenant_failed` a tick, keeps no other tenant waiting and uses up nothing of the limit:
 * positions move on in any case, and what failed is met again on the next pass.
 */
@Injectable()
export class InstancesPass implements GarbagePass {
  readonly name = 'instances';
  readonly description = 'Instances whose workload or tenant is gone.';

  constructor(
    @Inject(GARBAGE_COLLECTOR_SETTINGS) private readonly settings: GarbageCollectorSettings,
    private readonly orphans: OrphanRepository,
    private readonly braking: Braking,
    private readonly instances: InstancesService,
    private readonly events: EventBus,
    private readonly transactions: Transactions,
  ) {
    braking.observed ||= this.settings.brake !== false && !this.settings.dryRun;
  }

  async run({ run: context, report, progress, brake, dryRun, limits }: PassContext): Promise<void> {
    const { instanceGracePeriod: olderThan } = this.settings;
    const brakes = await this.braking.observe({ brake, dryRun, olderThan }, context);
    const tick: Tick = { context, tally: newTally(), brakes, dryRun, maxItems: limits.maxItems };
    const { tally } = tick;
    const tell = (): void => {
      report.found = tally.orphans;
      report.removed = tally.deleted;
      report.held = tally.held;
      report.failed = tally.failed;
      report.done = tally.tenants;
      report.text = summary(tally, dryRun);
    };
    const pages = this.orphans.tenantsAcrossTenants(this.tenantsPerPage())[Symbol.asyncIterator]();
    let rest: IteratorResult<TenantId[]> | undefined;
    while (!rest?.done) {
      const examined: Examined[] = [];
      const fitting = (async function* () {
        while (held(examined) < MAX_HELD) {
          const page = await pages.next();
          if (page.done) return void (rest = page);
          yield page.value;
        }
      })();
      await eachPage(fitting, context, (page) => this.examine(page, examined, tick));
      await this.judge(examined, tick);
      await eachPage(examined, context, async (page) => {
        await this.collectPage(page, tick);
        tell();
        progress();
      });
    }
    tell();
    if (tally.tenants > 0 && tally.failedTenants === tally.tenants)
      throw new Error(`Not one of ${tally.tenants} tenants could be swept: see the gc.tenant_failed events`);
  }

  private tenantsPerPage(): number {
    const thatFit = Math.floor(INSTANCES_PER_PAGE / this.settings.maxInstancesPerTick);
    return Math.max(1, Math.min(TENANTS_PER_PAGE, thatFit));
  }

  private async examine(tenantIds: TenantId[], examined: Examined[], tick: Tick): Promise<void> {
    const { maxInstancesPerTick: maxInstances, instanceGracePeriod: olderThan } = this.settings;
    try {
      examined.push({
        tenantIds,
        ...(await this.orphans.sweepAcrossTenants(tenantIds, { maxInstances, olderThan })),
      });
    } catch (error) {
      tick.context.signal.throwIfAborted();
      // Whatever broke the query, it must not hide the other tenants of the page.
      if (tenantIds.length > 1)
        for (const tenantId of tenantIds) await this.examine([tenantId], examined, tick);
      else {
        tick.tally.tenants++;
        await this.tenantFailed(tenantIds[0]!, [error], tick);
      }
    }
  }

  private async judge(pages: readonly Examined[], { brakes, context }: Tick): Promise<void> {
    const findings = pages.flatMap(({ tenantIds, visited, orphans }) => {
      const byTenant = new Map<TenantId, TenantFinding>(
        tenantIds.map((tenantId) => [
          tenantId,
          { tenantId, examined: visited[tenantId] ?? 0, orphaned: 0, deletable: false },
        ]),
      );
      for (const orphan of orphans) {
        const finding = byTenant.get(orphan.tenantId);
        if (!finding || !isOrphan(orphan)) continue;
        finding.orphaned++;
        if (orphan.protected) continue;
        finding.deletable = true;
        if (orphan.cause !== 'deleted_workload') finding.lost = LOSSES[orphan.cause];
      }
      return [...byTenant.values()];
    });
    await this.braking.judge(findings, brakes, context);
  }

  private async collectPage({ tenantIds, visited, orphans, positions }: Examined, tick: Tick): Promise<void> {
    let limited = false;
    for (const tenantId of tenantIds) {
      tick.tally.tenants++;
      tick.tally.visited += visited[tenantId] ?? 0;
      const own = orphans.filter((orphan) => orphan.tenantId === tenantId && isDeletable(orphan));
      if (own.length === 0) continue;
      const state = tick.brakes.states.get(tenantId);
      if (state === 'engaged' || state === 'refused') {
        tick.tally.braked++;
        tick.tally.orphans += own.length;
        tick.tally.held += own.length;
      } else {
        if (own.some(({ cause }) => cause === 'lost_tenant')) await this.endWorkloads(tenantId, tick);
        limited = !(await this.collect(tenantId, own, tick)) || limited;
      }
    }
    // What the limit left is to be found by the next run.
    if (!limited) await this.orphans.storePositions(tenantIds, positions);
  }

  /** Else the reconciler would make anew what is deleted. */
  private async endWorkloads(tenantId: TenantId, { context, dryRun }: Tick): Promise<void> {
    if (dryRun) return;
    await this.transactions.run(async () => {
      for (const workloadId of await this.orphans.deleteWorkloadsOfLostTenant(tenantId)) {
        await this.events.publish({ type: 'workload.deleted', tenantId, payload: { workloadId } });
        context.logger.log(`Deleted ${workloadId} of ${tenantId}, which is gone`);
      }
    });
  }

  /** @returns whether the limit left none */
  private async collect(tenantId: TenantId, candidates: OrphanCandidate[], tick: Tick): Promise<boolean> {
    const { context, tally, dryRun, maxItems } = tick;
    const { signal } = context;
    let left = 0;
    const { failures } = await forEachIsolated(candidates, { concurrency: 1, signal }, async (candidate) => {
      if (dryRun) {
        if (await this.orphans.isOrphan(candidate)) this.note(candidate, tick);
        return;
      }
      if (tally.deleted + tally.deleting >= maxItems) return void left++;
      tally.deleting++;
      try {
        if (!(await this.orphans.claim(candidate))) return;
        tally.orphans++;
        await this.sweep(candidate, context);
        tally.deleted++;
      } finally {
        tally.deleting--;
      }
    });
    const errors = failures.map(({ error }) => error);
    if (errors.length > 0) await this.tenantFailed(tenantId, errors, tick);
    return left === 0;
  }

  private note({ tenantId, instanceId, workloadId }: OrphanCandidate, { context, tally }: Tick): void {
    tally.orphans++;
    context.logger.log(
      `Dry run: would delete ${instanceId} of ${tenantId}, whose ${workloadId || 'tenant'} is gone`,
    );
  }

  private async sweep(
    { tenantId, instanceId, workloadId }: OrphanCandidate,
    context: RunContext,
  ): Promise<void> {
    await withSystemClaims(tenantId, () =>
      this.instances.delete(tenantId, instanceId, { reason: 'orphan_swept', signal: context.signal }),
    );
    context.logger.log(`Deleted ${instanceId} of ${tenantId}, whose ${workloadId || 'tenant'} is gone`);
  }

  private async tenantFailed(tenantId: TenantId, errors: unknown[], { context, tally }: Tick): Promise<void> {
    tally.failedTenants++;
    tally.failed += errors.length;
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

/** A label that is no id of a workload says nothing. */
function isOrphan({ cause, workloadId }: OrphanCandidate): boolean {
  return cause === 'lost_tenant' || isId('workload', workloadId);
}

function isDeletable(orphan: OrphanCandidate): boolean {
  return !orphan.protected && isOrphan(orphan);
}

const LOSSES = { lost_workload: 'lost_workloads', lost_tenant: 'lost_tenant' } as const;

function held(pages: readonly Examined[]): number {
  return pages.reduce((sum, { orphans }) => sum + orphans.length, 0);
}

/** Several at a time. A page that fails keeps no other from its turn; the run fails with the first of them. */
async function eachPage<Page>(
  pages: Iterable<Page> | AsyncIterable<Page>,
  { signal }: RunContext,
  fn: (page: Page) => Promise<void>,
): Promise<void> {
  const { failures } = await forEachIsolated(pages, { concurrency: PAGES_AT_ONCE, signal }, fn);
  if (failures.length > 0) throw failures[0]!.error;
}
