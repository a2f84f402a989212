import { type LoggerService } from '@nestjs/common';
import { type RunContext } from '../../../../core/worker/run-context.js';
import { type BrakeSettings } from '../../../brakes/brake.options.js';
import { type PassBrakes } from '../../../brakes/pass-brakes.js';
import { type Counts, type HandedOut } from '../../../concurrency/hand-out.js';
import { type TenantId } from '../../../ids/typed-id.js';

/**
 * `cluster`: it looks at the database, and one replica runs it. `replica`: it looks at what only this replica may reach, such as
 * the stores of its providers, and every replica runs it.
 */
export type PassScope = 'cluster' | 'replica';

/** What a pass has done so far. At its end the run keeps each number as a metric `<pass>.<counter>`. */
export interface PassReport {
  /** What is garbage by the rules of the pass. */
  found: number;
  removed: number;
  /** What a brake holds back. */
  held: number;
  /** What could not be removed; the next run meets it again. */
  failed: number;
  /** Shown in the record of the run in place of the counters. */
  text?: string;
  /** Added to the number that the record of the run shows as done. */
  done?: number;
}

/** The limits that a pass has to respect, and where it reports. */
export interface PassContext {
  /** Aborts at the timeout of the run, at its cancellation and at shutdown. */
  readonly signal: AbortSignal;
  readonly logger: LoggerService;
  /** Nothing may be changed; `report.found` says what would be removed. */
  readonly dryRun: boolean;
  readonly limits: PassLimits;
  /** False: nothing is held back. */
  readonly brake: BrakeSettings | false;
  readonly brakes: Pick<PassBrakes, 'judge' | 'release'>;
  /** Tenants whose brake on instances is engaged or was refused: nothing of theirs may be removed. */
  heldTenants(): Promise<ReadonlySet<TenantId>>;
  readonly report: PassReport;
  /** Shows the report in the record of the run. */
  progress(): void;
  /** The run that the pass is part of. */
  readonly run: RunContext;
  /**
   * Has batches removed by `removeBatch`, on every replica, and gives what they came to. Absent where the run removes all by
   * itself: without an engine for shards, and in a pass that has no `removeBatch`.
   */
  readonly handOut?: ((batches: readonly (readonly unknown[])[]) => Promise<HandedOut>) | undefined;
}

/** What `removeBatch` may need, on the replica that removes the batch. */
export interface BatchContext {
  readonly signal: AbortSignal;
  readonly logger: LoggerService;
  readonly brakes: Pick<PassBrakes, 'held'>;
  heldTenants(): Promise<ReadonlySet<TenantId>>;
  /** The shard that the batch is. */
  readonly run: RunContext;
}

/** How much a pass does in one run. */
export interface PassLimits {
  /** The most that are read by one query. */
  readonly pageSize: number;
  /** The most that are removed; the next run goes on. */
  readonly maxItems: number;
  /** Milliseconds; younger things are left alone. Their age goes by the clock that wrote their date. */
  readonly gracePeriod: number;
}

/**
 * Removes one kind of garbage. A pass that fails stops no other: its error is logged, and the run fails at the end.
 *
 * @publicApi Most are a `SweepPass`. It is added by `GarbagePasses.register`.
 */
export interface GarbagePass {
  /** Lower case, digits and underscores; also the beginning of its metrics. */
  readonly name: string;
  /** What it removes, in one sentence. */
  readonly description: string;
  /** Default `cluster`. */
  readonly scope?: PassScope;
  /** Finds and removes garbage once. Idempotent: the next run completes what a crash has interrupted. */
  run(context: PassContext): Promise<void>;
  /**
   * Removes some of what a run of the pass has found and judged, on any replica, perhaps much later and perhaps twice: so what has
   * changed since then is asked once more.
   * @returns what came of it, by names that `run` adds up
   */
  removeBatch?(items: readonly unknown[], context: BatchContext): Promise<Counts>;
}
