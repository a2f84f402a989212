import { Inject, Injectable } from '@nestjs/common';
import { messageOf } from '../../../../core/text/describe-error.js';
import { type RunContext, type ShardContext, type ShardMethod } from '../../../../core/worker/run-context.js';
import { BrakeRepository } from '../../../brakes/brake.repository.js';
import { PassBrakes } from '../../../brakes/pass-brakes.js';
import { type Counts, handOut, report } from '../../../concurrency/hand-out.js';
import { everyItem } from '../../../database/page.js';
import { type TenantId } from '../../../ids/typed-id.js';
import { GARBAGE_COLLECTOR_SETTINGS, type GarbageCollectorSettings } from '../garbage-collector.options.js';
import { FailedPassesError, UnknownPassError } from './garbage-pass.errors.js';
import { type GarbagePass, type PassContext, type PassReport, type PassScope } from './garbage-pass.js';
import { GarbagePasses } from './garbage-passes.js';

/** Some of what a pass may remove, as any replica gets it. */
export interface GarbageBatch {
  readonly pass: string;
  readonly items: readonly unknown[];
}

/** What a query of a pass reads at a time. */
const PAGE = 1_000;

/** Runs the passes of a scope one after the other. One that fails stops no other, and the run fails at the end. */
@Injectable()
export class PassRunner {
  constructor(
    @Inject(GARBAGE_COLLECTOR_SETTINGS) private readonly settings: GarbageCollectorSettings,
    private readonly passes: GarbagePasses,
    private readonly passBrakes: PassBrakes,
    private readonly brakes: BrakeRepository,
  ) {}

  /** @throws UnknownPassError when the options name one that there is not */
  checkSkipped(): void {
    const names = this.passes.names();
    for (const skipped of this.settings.skip)
      if (!names.includes(skipped)) throw new UnknownPassError(skipped, names);
  }

  /**
   * @param shard removes a batch by `removeBatch`, on whichever replica
   * @throws FailedPassesError after all of them had their turn
   */
  async run(scope: PassScope, run: RunContext, shard?: ShardMethod<GarbageBatch>): Promise<void> {
    const reports = new Map<string, PassReport>();
    const failures: { pass: string; error: unknown; message: string }[] = [];
    const progress = (): void => tell(run, reports, this.settings.dryRun);
    for (const pass of this.passes.list(scope)) {
      if (this.settings.skip.includes(pass.name)) continue;
      run.signal.throwIfAborted();
      const report: PassReport = { found: 0, removed: 0, held: 0, failed: 0 };
      reports.set(pass.name, report);
      try {
        await pass.run({
          ...this.contextOf(run, report, progress),
          ...(shard && this.isShared(pass, run) && { handOut: handOutOf(pass, run, shard) }),
        });
      } catch (error) {
        run.signal.throwIfAborted();
        const message = messageOf(error);
        run.logger.warn(`The pass ${pass.name} failed: ${message}`);
        failures.push({ pass: pass.name, error, message });
      } finally {
        progress();
        measure(run, pass.name, report);
      }
    }
    if (scope === 'cluster' && !this.settings.dryRun)
      await this.passBrakes.forgetOthers(
        this.passes.names().filter((name) => !this.settings.skip.includes(name)),
      );
    if (failures.length) throw new FailedPassesError(failures);
  }

  /** Removes a batch of a run that is active on this or another replica. */
  async removeBatch({ pass: name, items }: GarbageBatch, context: ShardContext): Promise<void> {
    const pass = this.passes.find(name);
    if (!pass?.removeBatch) throw new UnknownPassError(name, this.passes.names());
    const { signal, logger } = context;
    const counts = await pass.removeBatch(items, {
      signal,
      logger,
      brakes: this.passBrakes,
      heldTenants: () => this.heldTenants(),
      run: context,
    });
    report(context, withPrefix(name, counts));
  }

  private isShared(pass: GarbagePass, run: RunContext): boolean {
    return this.settings.fanOut && run.distributesShards && pass.removeBatch !== undefined;
  }

  private contextOf(run: RunContext, report: PassReport, progress: () => void): PassContext {
    const { dryRun, brake, maxItemsPerTick: maxItems, gracePeriod } = this.settings;
    const { signal, logger } = run;
    return {
      run,
      signal,
      logger,
      dryRun,
      brake,
      brakes: this.passBrakes,
      limits: { pageSize: PAGE, maxItems, gracePeriod },
      heldTenants: () => this.heldTenants(),
      report,
      progress,
    };
  }

  private async heldTenants(): Promise<ReadonlySet<TenantId>> {
    const held = new Set<TenantId>();
    for await (const { tenantId, state } of everyItem((after) => this.brakes.listAcrossTenants({ after })))
      if (state !== 'confirmed') held.add(tenantId);
    return held;
  }
}

function handOutOf(
  { name: pass }: GarbagePass,
  run: RunContext,
  shard: ShardMethod<GarbageBatch>,
): NonNullable<PassContext['handOut']> {
  return async (batches) => {
    const handedOut = await handOut(
      run,
      shard,
      batches.map((items) => ({ pass, items })),
    );
    for (const { error } of handedOut.failures) run.logger.warn(`${pass}: a batch failed: ${error.message}`);
    return { ...handedOut, counts: withoutPrefix(pass, handedOut.counts) };
  };
}

/** As metrics of the run, where those of each pass have names of their own. */
function withPrefix(pass: string, counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [`${pass}.${name}`, count]));
}

function withoutPrefix(pass: string, counts: Counts): Counts {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [name.slice(pass.length + 1), count]),
  );
}

/** A pass that found nothing says nothing. */
function tell(run: RunContext, reports: ReadonlyMap<string, PassReport>, dryRun: boolean): void {
  const said = [...reports].flatMap(([name, report]) => {
    const { found, removed, held, failed, text } = report;
    if (text !== undefined) return [text];
    if (!found) return [];
    if (dryRun) return [`${name}: ${found} left alone (dry run)`];
    const more = [held && `${held} held by the brake`, failed && `${failed} failed`].filter(Boolean);
    return [[`${name}: ${removed} of ${found} removed`, ...more].join(', ')];
  });
  const done = [...reports.values()].reduce((sum, { done = 0 }) => sum + done, 0);
  run.progress(done, undefined, said.join('; ') || 'nothing to remove');
}

const COUNTERS = ['found', 'removed', 'held', 'failed'] as const;

/** Counters of passes that have anything to say: a run keeps 50 numbers, and a user's passes have some as well. */
function measure(run: RunContext, name: string, report: PassReport): void {
  if (!COUNTERS.some((counter) => report[counter])) return;
  for (const counter of COUNTERS) {
    try {
      run.metric(`${name}.${counter}`, report[counter]);
    } catch {
      return; // more passes than a run keeps numbers: the message of its progress has them all
    }
  }
}
