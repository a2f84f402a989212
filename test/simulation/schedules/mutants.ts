import {
  type ClaimId,
  type ScheduleClaimOptions,
  type ScheduleClaims,
  type ScheduleResult,
} from '../../../src/modules/schedules/schedule.store.js';
import { type Row } from '../../../src/modules/schedules/in-memory-schedule.row.js';
import { type Clock } from '../../../src/core/timing/clock.js';
import { MemoryModel, type StoreModel } from './models.js';

/** The broken stores reach into the rule: a private method of it is replaced. */
function broken(
  change: (store: { rows: Map<string, Row>; heldBy(id: ClaimId): Row | undefined }) => void,
): StoreModel {
  return (clock) => {
    const store = new MemoryModel(clock);
    change(store as never);
    return store;
  };
}

const made =
  (Model: new (clock: Clock) => MemoryModel): StoreModel =>
  (clock) =>
    new Model(clock);

const rowOf = (rows: Map<string, Row>, { handler, key }: ClaimId) => rows.get(JSON.stringify([handler, key]));

/** Stores that break a promise: the simulation has to find each of them out. */
export const mutants: Readonly<Record<string, StoreModel>> = {
  'takes the result of a claim that another replica has taken over': broken((store) => {
    store.heldBy = (id) => {
      const row = rowOf(store.rows, id);
      return row?.claimed ? row : undefined;
    };
  }),
  'hands out what another replica holds': made(
    class extends MemoryModel {
      override claim(options: ScheduleClaimOptions): Promise<ScheduleClaims> {
        for (const row of this.table.values())
          if (row.claimed) row.due = Math.min(row.due!, row.turn?.plannedAt ?? row.due!);
        return super.claim(options);
      }
    },
  ),
  'forgets a slot that has failed': made(
    class extends MemoryModel {
      override settle(results: readonly ScheduleResult[]): Promise<Set<number>> {
        return super.settle(
          results.map((result) => (result.run?.outcome === 'failed' ? { ...result, turn: null } : result)),
        );
      }
    },
  ),
  'tells nobody that a run is cancelled': made(
    class extends MemoryModel {
      override cancellations(): ReturnType<MemoryModel['cancellations']> {
        return Promise.resolve(new Map<never, never>());
      }
    },
  ),
  'hands out again, to be run, what was cancelled': made(
    class extends MemoryModel {
      override async claim(options: ScheduleClaimOptions): Promise<ScheduleClaims> {
        const { claims, now } = await super.claim(options);
        return { claims: claims.map((claim) => ({ ...claim, cancelledBy: null })), now };
      }
    },
  ),
  'counts no slots as missed': made(
    class extends MemoryModel {
      override settle(results: readonly ScheduleResult[]): Promise<Set<number>> {
        return super.settle(results.map((result) => ({ ...result, missed: 0 })));
      }
    },
  ),
  'leaves a schedule claimed whose result it has taken': made(
    class extends MemoryModel {
      override async settle(results: readonly ScheduleResult[]): Promise<Set<number>> {
        const taken = await super.settle(results);
        for (const row of this.table.values()) if (taken.has(row.token) && row.turn) row.due = Infinity;
        return taken;
      }
    },
  ),
};
