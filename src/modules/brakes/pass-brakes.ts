import { Injectable, type Logger } from '@nestjs/common';
import { cutPage, mapPage, type Page, pageLimit, type PageQuery } from '../database/page.js';
import { Transactions } from '../database/transaction.js';
import { EventBus } from '../events/event-bus.js';
import { type TenantId } from '../ids/typed-id.js';
import { type BrakeState } from './brake.js';
import { type BrakeSettings } from './brake.options.js';
import { type PassBrake, type PassBrakeCause, type SuspectSet } from './pass-brake.js';
import {
  DECIDE_PASS_BRAKE,
  DELETE_PASS_BRAKE,
  FIND_PASS_BRAKE,
  FORGET_PASS_BRAKES,
  HELD_KEYS,
  INSERT_PASS_BRAKE,
  LIST_HELD_KEYS,
  LIST_PASS_BRAKES,
  LOCK_PASS_BRAKE,
  RELEASE_PASS_BRAKES,
  STORE_PASS_BRAKE,
} from './pass-brake.statements.js';

/** Where a pass that looks at stores one by one found something. */
export interface PassPlace {
  readonly pass: string;
  readonly store?: string | undefined;
}

/** Keys that an event names. */
const SHOWN = 20;

const NONE = '';

/**
 * The brake of all passes except those over instances, by the rule of `Braking`: a set that stayed the same for `confirmAfter`,
 * by the clock of the database, is confirmed; another set takes its place and waits anew; a confirmed set only shrinks; what a
 * user refused stays until a user confirms it.
 */
@Injectable()
export class PassBrakes {
  constructor(
    private readonly transactions: Transactions,
    private readonly events: EventBus,
  ) {}

  /** @returns the keys of the set that may be removed */
  async judge(
    suspects: SuspectSet,
    { confirmAfter }: BrakeSettings,
    logger: Pick<Logger, 'warn'>,
  ): Promise<ReadonlySet<string>> {
    const { cause } = suspects;
    const now = [...suspects.keys].sort();
    const key = keyOf(suspects, suspects.tenantId);
    const store = (keys: readonly string[], state: BrakeState) =>
      this.transactions.query(STORE_PASS_BRAKE, [...key, keys, cause, state]);
    return this.transactions.run(async () => {
      const made = await this.transactions.query(INSERT_PASS_BRAKE, [...key, now, cause]);
      if (made.length > 0) await this.tellHeld(suspects, now, confirmAfter, logger);
      const [before] = await this.transactions.query<Locked>(LOCK_PASS_BRAKE, [...key, confirmAfter]);
      const { state, ripe, keys } = before!;
      const known = new Set(keys);
      if (state === 'confirmed') {
        const left = now.filter((each) => known.has(each));
        if (left.length) await store(left, state);
        else await this.transactions.query(DELETE_PASS_BRAKE, key);
        return new Set(left);
      }
      const isSame = known.size === now.length && now.every((each) => known.has(each));
      const isConfirmed = state === 'engaged' && isSame && ripe;
      await store(now, isConfirmed ? 'confirmed' : state);
      if (!isConfirmed) return new Set();
      await this.tellReleased({ ...suspects, reason: 'confirmed' });
      return new Set(now);
    });
  }

  /** Those of the keys that a brake of the pass holds back now. */
  async held({ pass, store = NONE }: PassPlace, keys: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.transactions.query<{ key: string }>(HELD_KEYS, [pass, store, keys]);
    return new Set(rows.map(({ key }) => key));
  }

  /** Ends the brakes of the pass on all other tenants: nothing of theirs looks wrong any more. */
  async release(place: PassPlace, tenants: readonly (TenantId | undefined)[]): Promise<void> {
    const { pass, store = NONE } = place;
    const others = tenants.map((tenantId) => tenantId ?? NONE);
    await this.end('recovered', RELEASE_PASS_BRAKES, [pass, store, others]);
  }

  /** Ends the brakes of passes that do not run any more, and of stores that are gone. @param passes names of those that run */
  async forgetOthers(passes: readonly string[]): Promise<void> {
    await this.end('not_examined', FORGET_PASS_BRAKES, [passes]);
  }

  /** All of them, by id. */
  async listAcrossTenants({ limit, after = '' }: PageQuery = {}): Promise<Page<PassBrake>> {
    const size = pageLimit(limit);
    const rows = await this.transactions.query<Row>(LIST_PASS_BRAKES, [after, size + 1]);
    return cutPage(rows.map(toPassBrake), size, ({ id }) => id);
  }

  async find(id: string): Promise<PassBrake | undefined> {
    const [row] = await this.transactions.query<Row>(FIND_PASS_BRAKE, [id]);
    return row && toPassBrake(row);
  }

  /** What the brake holds back. */
  async keys(id: string, { limit, after = '' }: PageQuery = {}): Promise<Page<string>> {
    const size = pageLimit(limit);
    const rows = await this.transactions.query<{ key: string }>(LIST_HELD_KEYS, [id, after, size + 1]);
    return mapPage(
      cutPage(rows, size, ({ key }) => key),
      ({ key }) => key,
    );
  }

  /**
   * Confirms or refuses that very set.
   * @returns undefined when there is no brake, or the set is another by now
   */
  async decide(
    id: string,
    set: string,
    state: Exclude<BrakeState, 'engaged'>,
    by: string,
  ): Promise<PassBrake | undefined> {
    const [row] = await this.transactions.changed<Row>(DECIDE_PASS_BRAKE, [id, set, state, by]);
    return row && toPassBrake(row);
  }

  private async end(reason: 'recovered' | 'not_examined', statement: string, values: unknown[]) {
    await this.transactions.run(async () => {
      for (const row of await this.transactions.changed<Row>(statement, values))
        if (row.state !== 'confirmed') await this.tellReleased({ ...toPassBrake(row), reason });
    });
  }

  private async tellHeld(
    { pass, store, tenantId, cause }: SuspectSet,
    keys: readonly string[],
    confirmAfterMs: number,
    logger: Pick<Logger, 'warn'>,
  ): Promise<void> {
    const of = `${tenantId ? ` of ${tenantId}` : ''}${store ? ` at ${store}` : ''}`;
    logger.warn(
      `${pass}: ${keys.length}${of} look like garbage (${REASONS[cause]}); nothing of it is removed until that is confirmed`,
    );
    const payload = {
      ...{ pass, ...(store && { store }), cause, items: keys.length, confirmAfterMs },
      keys: keys.slice(0, SHOWN),
    };
    await this.events.publish({ type: 'gc.pass_held', tenantId, payload });
  }

  private async tellReleased({
    pass,
    store,
    tenantId,
    reason,
  }: PassPlace & { tenantId?: TenantId | undefined; reason: string }): Promise<void> {
    const payload = { pass, ...(store && { store }), reason };
    await this.events.publish({ type: 'gc.pass_released', tenantId, payload });
  }
}

const REASONS: Record<PassBrakeCause, string> = {
  lost: 'what it belonged to is gone, and nobody has deleted that',
  share: 'too much of what there is',
};

/** The first three parameters of the statements on one brake. */
function keyOf({ pass, store }: PassPlace, tenantId: TenantId | undefined): string[] {
  return [pass, store ?? NONE, tenantId ?? NONE];
}

interface Locked {
  state: BrakeState;
  keys: string[];
  ripe: boolean;
}

interface Row {
  id: string;
  pass: string;
  store: string;
  tenant_id: string;
  state: BrakeState;
  cause: PassBrakeCause;
  set_digest: string;
  items: number;
  examples: string[];
  engaged_at: Date;
  seen_since: Date;
  last_seen_at: Date;
  decided_by: string | null;
}

function toPassBrake(row: Row): PassBrake {
  const { id, pass, state, cause, items, examples } = row;
  return {
    id,
    pass,
    ...(row.store && { store: row.store }),
    ...(row.tenant_id && { tenantId: row.tenant_id as TenantId }),
    ...{ state, cause, set: row.set_digest, items, examples },
    engagedAt: row.engaged_at,
    seenSince: row.seen_since,
    lastSeenAt: row.last_seen_at,
    ...(row.decided_by !== null && { decidedBy: row.decided_by }),
  };
}
