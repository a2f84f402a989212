import assert from 'node:assert/strict';
import { type LoggerService } from '@nestjs/common';
import { type RunContext } from '../../../../core/worker/run-context.js';
import { contract, type ContractCase } from '../../../../core/testing/contract-case.js';
import { type TenantId } from '../../../ids/typed-id.js';
import { type Counts } from '../../../concurrency/hand-out.js';
import {
  type BatchContext,
  type GarbagePass,
  type PassContext,
  type PassLimits,
  type PassReport,
} from './garbage-pass.js';

/** A pass, and how a case makes what it looks at. Things of other cases may be there, but no garbage. */
export interface GarbagePassSetup {
  readonly pass: GarbagePass;
  /**
   * Makes so much garbage that is two hours old, and that no brake holds back: what it belonged to was deleted, and that is
   * recorded. @returns what identifies each
   */
  addGarbage(count: number): Promise<string[]>;
  /** Whose that garbage is. Absent where it is nobody's, or where the pass has brakes of its own. */
  readonly tenantId?: TenantId | undefined;
  /** Makes one of everything that the pass keeps: in use, of another tenant, of another store. */
  addKept(): Promise<string[]>;
  /** Makes some that is gone without a record. Absent where the pass has brakes of its own, or nothing can be lost. */
  addLost?(): Promise<string[]>;
  /** Absent where the pass takes no grace period from its context, or does not go by the dates of what it finds. */
  readonly hasGracePeriod?: boolean;
  /** In place of the limits that the cases have. */
  readonly limits?: Partial<PassLimits>;
  /** False where something else decides what goes, as a daemon does, which neither stops at a limit nor says it beforehand. */
  readonly decides?: boolean;
  /** Which of those are there. */
  present(ids: readonly string[]): Promise<string[]>;
  teardown?(): Promise<void>;
}

const HOUR = 3_600_000;

/** What every `GarbagePass` keeps. */
export function garbagePassContract(
  setup: () => GarbagePassSetup | Promise<GarbagePassSetup>,
): ContractCase[] {
  return contract<GarbagePassSetup>(setup, {
    'removes garbage, keeps all else, and says how much it was': async (subject) => {
      const [garbage, kept] = [await subject.addGarbage(3), await subject.addKept()];
      const { report } = await run(subject);
      assert.deepEqual(await subject.present(garbage), []);
      assert.deepEqual(sorted(await subject.present(kept)), sorted(kept));
      assert.deepEqual(counted(report), { found: 3, removed: 3, held: 0, failed: 0 });
    },
    'finds nothing when it is repeated': async (subject) => {
      await subject.addGarbage(2);
      const kept = await subject.addKept();
      await run(subject);
      const { report } = await run(subject);
      assert.deepEqual(sorted(await subject.present(kept)), sorted(kept));
      assert.deepEqual(counted(report), { found: 0, removed: 0, held: 0, failed: 0 });
    },
    'changes nothing in a dry run, and says what it would remove': async (subject) => {
      const garbage = await subject.addGarbage(2);
      const { report } = await run(subject, { dryRun: true });
      assert.deepEqual(sorted(await subject.present(garbage)), sorted(garbage));
      const found = subject.decides === false ? 0 : 2;
      assert.deepEqual(counted(report), { found, removed: 0, held: 0, failed: 0 });
      await run(subject);
    },
    'removes no more than its limit in a run, and the rest in the next ones': async (subject) => {
      if (subject.decides === false) return;
      const garbage = await subject.addGarbage(5);
      const left: number[] = [];
      for (let runs = 0; runs < 3; runs++) {
        await run(subject, { limits: { maxItems: 2 } });
        left.push((await subject.present(garbage)).length);
      }
      assert.deepEqual(left, [3, 1, 0]);
    },
    'finds all, however short its pages are': async (subject) => {
      const [garbage, kept] = [await subject.addGarbage(5), await subject.addKept()];
      await run(subject, { limits: { pageSize: 2 } });
      assert.deepEqual(await subject.present(garbage), []);
      assert.deepEqual(sorted(await subject.present(kept)), sorted(kept));
    },
    'removes nothing once its signal has aborted': async (subject) => {
      const garbage = await subject.addGarbage(2);
      const reason = new Error('the run has ended');
      await assert.rejects(run(subject, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
      assert.deepEqual(sorted(await subject.present(garbage)), sorted(garbage));
      await run(subject);
    },
    'leaves alone what is younger than the grace period': async (subject) => {
      if (!subject.hasGracePeriod) return;
      const garbage = await subject.addGarbage(2);
      await run(subject, { limits: { gracePeriod: 3 * HOUR } });
      assert.deepEqual(sorted(await subject.present(garbage)), sorted(garbage));
      await run(subject);
    },
    'leaves alone what is of a tenant whose instances a brake holds back': async (subject) => {
      if (!subject.tenantId) return;
      const garbage = await subject.addGarbage(2);
      const { report } = await run(subject, { heldTenants: async () => new Set([subject.tenantId!]) });
      assert.deepEqual(sorted(await subject.present(garbage)), sorted(garbage));
      assert.deepEqual(counted(report), { found: 2, removed: 0, held: 2, failed: 0 });
      await run(subject);
    },
    'removes as much when other replicas remove it in batches, and nothing more when those come again':
      async (subject) => {
        const { pass } = subject;
        if (!pass.removeBatch || pass.scope === 'replica') return;
        const [garbage, kept] = [await subject.addGarbage(60), await subject.addKept()];
        const batches: (readonly unknown[])[] = [];
        const removeBatch = async (batch: readonly unknown[]): Promise<Counts> =>
          pass.removeBatch!(JSON.parse(JSON.stringify(batch)) as unknown[], batchContext());
        const { report } = await run(subject, {
          limits: { maxItems: 55 },
          handOut: async (given) => {
            batches.push(...given);
            return { counts: sum(await Promise.all(given.map(removeBatch))), failed: 0, failures: [] };
          },
        });
        assert.deepEqual(counted(report), {
          found: pass.name === 'instances' ? 55 : 60,
          removed: 55,
          held: 0,
          failed: 0,
        });
        assert.equal((await subject.present(garbage)).length, 5);
        await run(subject);
        assert.deepEqual(await subject.present(garbage), []);
        const { removed = 0, failed = 0 } = sum(await Promise.all(batches.map(removeBatch)));
        assert.deepEqual([removed, failed], [0, 0]);
        assert.deepEqual(sorted(await subject.present(kept)), sorted(kept));
      },
    'holds back what is lost until its brake lets it go': async (subject) => {
      if (!subject.addLost) return;
      const lost = await subject.addLost();
      const asked: string[][] = [];
      const { report } = await run(subject, {
        brakes: {
          judge: async ({ keys }) => {
            asked.push([...keys]);
            return new Set<string>();
          },
          release: async () => {},
        },
      });
      assert.deepEqual(sorted(await subject.present(lost)), sorted(lost));
      assert.equal(report.held, lost.length);
      assert.deepEqual(sorted(asked.flat()), sorted(lost));
      await run(subject);
      assert.deepEqual(await subject.present(lost), []);
    },
  });
}

type Changes = Omit<Partial<PassContext>, 'limits'> & { limits?: Partial<PassLimits> };

/** What the garbage collector gives a pass, with brakes that let everything go. */
export function passContext(changes: Changes = {}): PassContext {
  const signal = changes.signal ?? new AbortController().signal;
  const say = (): void => {};
  const logger: LoggerService = { log: say, warn: say, error: say, debug: say, verbose: say };
  const progress = (): void => {};
  const own = { worker: 'gc', runId: 'run', signal, logger, progress, metric: () => {} };
  const report: PassReport = { found: 0, removed: 0, held: 0, failed: 0 };
  return {
    signal,
    logger,
    dryRun: false,
    brake: { share: 1, minimum: 100_000, confirmAfter: 0 },
    brakes: { judge: async ({ keys }) => new Set(keys), release: async () => {} },
    heldTenants: async () => new Set(),
    report,
    progress,
    run: { ...own, assertCurrent: async () => {} } as Partial<RunContext> as RunContext,
    ...changes,
    limits: { pageSize: 100, maxItems: 1_000, gracePeriod: HOUR, ...changes.limits },
  };
}

/** What a replica gives a pass with a batch, with brakes that hold nothing. */
function batchContext(): BatchContext {
  const { signal, logger, run, heldTenants } = passContext();
  return { signal, logger, run, heldTenants, brakes: { held: async () => new Set() } };
}

function sum(all: readonly Counts[]): Counts {
  const total: Record<string, number> = {};
  for (const counts of all)
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  return total;
}

async function run({ pass, limits }: GarbagePassSetup, changes: Changes = {}): Promise<PassContext> {
  const context = passContext({ ...changes, limits: { ...limits, ...changes.limits } });
  await pass.run(context);
  return context;
}

function counted({ found, removed, held, failed }: PassReport) {
  return { found, removed, held, failed };
}

function sorted(ids: readonly string[]): string[] {
  return [...ids].sort();
}
