import { Inject, Injectable } from '@nestjs/common';
import { RunContext } from '../../../../core/worker/run-context.js';
import { Braking, type TenantFinding, type TickBrakes } from '../../../brakes/braking.js';
import { type Counts, inBatches } from '../../../concurrency/hand-out.js';
import { forEachIsolated } from '../../../concurrency/for-each-isolated.js';
import { isId, type TenantId } from '../../../ids/typed-id.js';
import { GARBAGE_COLLECTOR_SETTINGS, type GarbageCollectorSettings } from '../garbage-collector.options.js';
import {
  type DeletableOrphan,
  type OrphanCandidate,
  OrphanRepository,
  type SweptPage,
} from '../orphan.repository.js';
import { newTally, summary } from '../tally.js';
import { type BatchContext, type GarbagePass, type PassContext } from './garbage-pass.js';
import { OrphanDeletion, type OrphanDeletionScope } from './orphan-deletion.js';

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

/**
 * Orphans of a tenant that are handed out at a time, and deleted one after the other. Those of a tenant stay together, so that it is
 * told once when it is in trouble.
 */
const ORPHANS_PER_BATCH = 150;

/** A page that was examined, and waits to be judged. */
interface Examined extends SweptPage {
  tenantIds: readonly TenantId[];
}

/** What one tick knows. */
interface Tick extends OrphanDeletionScope {
  readonly brakes: TickBrakes;
}

type HandOut = NonNullable<PassContext['handOut']>;

/** A batch that is handed out. */
interface OrphansOfTenant {
  readonly tenantId: TenantId;
  readonly orphans: DeletableOrphan[];
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
    private readonly deletion: OrphanDeletion,
  ) {
    braking.observed ||= this.settings.brake !== false && !this.settings.dryRun;
  }

  async run(given: PassContext): Promise<void> {
    const { run: context, report, progress, brake, dryRun, limits, handOut } = given;
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
      if (handOut && !dryRun) await this.handOutAll(examined, tick, handOut);
      else
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
        await this.deletion.tenantFailed(tenantIds[0]!, [error], tick);
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

  private async collectPage(page: Examined, tick: Tick): Promise<void> {
    let limited = false;
    for (const [tenantId, own] of deletableOf(page, tick))
      limited = !(await this.deletion.ofTenant(tenantId, own, tick)) || limited;
    // What the limit left is to be found by the next run.
    if (!limited) await this.orphans.storePositions(page.tenantIds, page.positions);
  }

  /** Deletes a part of what a tick has judged. The brakes are asked again with each instance, by the statement that marks it. */
  async removeBatch(items: readonly unknown[], { run: context }: BatchContext): Promise<Counts> {
    const tally = newTally();
    let handled = 0;
    for (const { tenantId, orphans } of items as readonly OrphansOfTenant[]) {
      await this.deletion.ofTenant(tenantId, orphans, { context, tally, dryRun: false, maxItems: Infinity });
      handled += orphans.length;
    }
    const { orphans: found, deleted: removed, failed, failedTenants } = tally;
    return { handled, found, removed, failed, failed_tenants: failedTenants };
  }

  /** In rounds of what the limit leaves: what fails, or is no orphan any more, uses up none of it. */
  private async handOutAll(pages: readonly Examined[], tick: Tick, handOut: HandOut): Promise<void> {
    const { tally, maxItems } = tick;
    const left = pages.flatMap((page) =>
      deletableOf(page, tick).flatMap(([tenantId, own]) =>
        inBatches(own.map(slim), ORPHANS_PER_BATCH).map((orphans) => ({ page, tenantId, orphans })),
      ),
    );
    while (left.length > 0 && tally.deleted < maxItems) {
      const round: OrphansOfTenant[] = [];
      for (let room = maxItems - tally.deleted; room > 0 && left.length > 0;) {
        const { tenantId, orphans } = left[0]!;
        const taken = orphans.splice(0, room);
        round.push({ tenantId, orphans: taken });
        room -= taken.length;
        if (orphans.length === 0) left.shift();
      }
      const [{ tenantId, orphans }] = round as [OrphansOfTenant];
      // Nothing that another replica could do meanwhile.
      if (round.length === 1) await this.deletion.ofTenant(tenantId, orphans, tick);
      else await this.handOutRound(round, tick, handOut);
    }
    // What the limit left is to be found by the next run.
    const limited = new Set(left.map(({ page }) => page));
    for (const page of pages)
      if (!limited.has(page)) await this.orphans.storePositions(page.tenantIds, page.positions);
  }

  private async handOutRound(
    round: readonly OrphansOfTenant[],
    { tally }: Tick,
    handOut: HandOut,
  ): Promise<void> {
    const { counts } = await handOut(round.map((batch) => [batch]));
    const { handled = 0, found = 0, removed = 0, failed = 0, failed_tenants: failedTenants = 0 } = counts;
    const given = round.reduce((sum, { orphans }) => sum + orphans.length, 0);
    tally.orphans += found;
    tally.deleted += removed;
    tally.failed += failed + given - handled;
    tally.failedTenants += Math.min(failedTenants, new Set(round.map(({ tenantId }) => tenantId)).size);
  }
}

/** What of a page may be deleted, by tenant. Counts the page, and what a brake holds back of it. */
function deletableOf(
  { tenantIds, visited, orphans }: Examined,
  { tally, brakes }: Tick,
): [TenantId, OrphanCandidate[]][] {
  const deletable: [TenantId, OrphanCandidate[]][] = [];
  for (const tenantId of tenantIds) {
    tally.tenants++;
    tally.visited += visited[tenantId] ?? 0;
    const own = orphans.filter((orphan) => orphan.tenantId === tenantId && isDeletable(orphan));
    if (own.length === 0) continue;
    const state = brakes.states.get(tenantId);
    if (state !== 'engaged' && state !== 'refused') {
      deletable.push([tenantId, own]);
      continue;
    }
    tally.braked++;
    tally.orphans += own.length;
    tally.held += own.length;
  }
  return deletable;
}

function slim({ instanceId, workloadId, cause }: OrphanCandidate): DeletableOrphan {
  return { instanceId, workloadId, cause };
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
