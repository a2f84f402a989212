import { type LoggerService } from '@nestjs/common';
import { type RunContext } from '../../../../core/worker/run-context.js';
import { type BrakeSettings } from '../../../brakes/brake.options.js';
import { type TenantId } from '../../../ids/typed-id.js';
import { type PassBrakes } from './pass-brakes.js';

/**
 * `cluster`: what it looks at is in the database, and one replica does it. `replica`: it asks what this replica alone may
 * reach, such as the stores of its providers, and every replica does it.
 */
export type PassScope = 'cluster' | 'replica';

/** What a pass came to. It counts while it goes on; the run keeps each number as a metric `<pass>.<counter>`. */
export interface PassReport {
  /** What is garbage by the rules of the pass. */
  found: number;
  removed: number;
  /** What a brake holds back. */
  held: number;
  /** What could not be removed; the next run meets it again. */
  failed: number;
  /** In the words of the pass, in place of its counters. */
  text?: string;
  /** What the run shows as done. */
  done?: number;
}

/** What a pass has to respect, and what it tells by. */
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
  /** Tenants of whom nothing may be removed, as the brake on their instances is engaged or was refused. */
  heldTenants(): Promise<ReadonlySet<TenantId>>;
  readonly report: PassReport;
  /** Shows the report in the record of the run. */
  progress(): void;
  /** The run that the pass is part of. */
  readonly run: RunContext;
}

/** How much a pass does in one run. */
export interface PassLimits {
  /** The most that are read by one query. */
  readonly pageSize: number;
  /** The most that are removed; the next run goes on. */
  readonly maxItems: number;
  /** Milliseconds; what is younger is left alone. By the clock of the store that dates it. */
  readonly gracePeriod: number;
}

/**
 * One kind of garbage. A pass that fails stops no other: its error is told, and the run fails at the end.
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
  /** One look, and what follows from it. Idempotent: a crash at any moment is mended by the next run. */
  run(context: PassContext): Promise<void>;
}
