import { Injectable, type Logger } from '@nestjs/common';
import { type BrakeSettings } from '../../../brakes/brake.options.js';
import { Transactions } from '../../../database/transaction.js';
import { EventBus } from '../../../events/event-bus.js';
import { type TenantId } from '../../../ids/typed-id.js';

/** What a pass found in one tenant, and why it may not go yet. */
export interface SuspectSet {
  readonly pass: string;
  /** Absent: nobody's. */
  readonly tenantId: TenantId | undefined;
  /** `lost`: what it belonged to is gone without a record. `share`: so much of what there is. */
  readonly cause: 'lost' | 'share';
  readonly keys: readonly string[];
}

interface Row {
  tenant: string;
  state: 'engaged' | 'confirmed';
  keys: string[];
  ripe: boolean;
}

/** Keys that an event names. */
const SHOWN = 20;

const NO_TENANT = '';

/**
 * The brake of all passes except those over instances, by the rule of `Braking`: a set that stayed the same for `confirmAfter`,
 * by the clock of the database, is confirmed; another set takes its place and waits anew; a confirmed set only shrinks.
 */
@Injectable()
export class PassBrakes {
  constructor(
    private readonly transactions: Transactions,
    private readonly events: EventBus,
  ) {}

  /** @returns the keys of the set that may be removed */
  async judge(
    { pass, tenantId, cause, keys }: SuspectSet,
    { confirmAfter }: BrakeSettings,
    logger: Pick<Logger, 'warn'>,
  ): Promise<ReadonlySet<string>> {
    const now = [...keys].sort();
    const key = [pass, tenantId ?? NO_TENANT];
    return this.transactions.run(async () => {
      const made = await this.transactions.query(INSERT, [...key, now]);
      if (made.length > 0) {
        logger.warn(
          `${pass}: ${now.length}${tenantId ? ` of ${tenantId}` : ''} look like garbage (${REASONS[cause]}); nothing of it is removed until that is confirmed`,
        );
        const payload = {
          pass,
          cause,
          items: now.length,
          confirmAfterMs: confirmAfter,
          keys: now.slice(0, SHOWN),
        };
        await this.events.publish({ type: 'gc.pass_held', tenantId, payload });
      }
      const [before] = await this.transactions.query<Row>(LOCK, [...key, confirmAfter]);
      const known = new Set(before!.keys);
      if (before!.state === 'confirmed') {
        const left = now.filter((each) => known.has(each));
        if (left.length) await this.transactions.query(STORE, [...key, left, 'confirmed']);
        else await this.transactions.query(DELETE, key);
        return new Set(left);
      }
      const isSame = known.size === now.length && now.every((each) => known.has(each));
      if (!isSame) await this.transactions.query(STORE, [...key, now, 'engaged']);
      if (!isSame || !before!.ripe) return new Set();
      await this.transactions.query(STORE, [...key, now, 'confirmed']);
      await this.tellReleased(pass, tenantId, 'confirmed');
      return new Set(now);
    });
  }

  /** Ends the brakes of the pass on all other tenants: nothing of theirs looks wrong any more. */
  async release(pass: string, tenants: readonly (TenantId | undefined)[]): Promise<void> {
    await this.transactions.run(async () => {
      const ended = await this.transactions.changed<Row>(RELEASE, [
        pass,
        tenants.map((tenantId) => tenantId ?? NO_TENANT),
      ]);
      for (const { tenant, state } of ended)
        if (state === 'engaged')
          await this.tellReleased(pass, (tenant as TenantId) || undefined, 'recovered');
    });
  }

  private async tellReleased(
    pass: string,
    tenantId: TenantId | undefined,
    reason: 'confirmed' | 'recovered',
  ): Promise<void> {
    await this.events.publish({ type: 'gc.pass_released', tenantId, payload: { pass, reason } });
  }
}

const REASONS = {
  lost: 'what it belonged to is gone, and nobody has deleted that',
  share: 'too much of what there is',
};

/** $1: pass. $2: tenant. $3: keys. */
const INSERT = `
INSERT INTO gc_pass_brakes (pass, tenant_id, keys) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING pass`;

/** $1: pass. $2: tenant. $3: milliseconds for which the set must have been the same. */
const LOCK = `
SELECT tenant_id AS tenant, state, keys,
  seen_since <= clock_timestamp() - make_interval(secs => $3::float8 / 1000) AS ripe
FROM gc_pass_brakes WHERE pass = $1 AND tenant_id = $2 FOR UPDATE`;

/** $1: pass. $2: tenant. $3: keys. $4: state. */
const STORE = `
UPDATE gc_pass_brakes SET keys = $3, state = $4, seen_since = clock_timestamp() WHERE pass = $1 AND tenant_id = $2`;

/** $1: pass. $2: tenant. */
const DELETE = 'DELETE FROM gc_pass_brakes WHERE pass = $1 AND tenant_id = $2';

/** $1: pass. $2: tenants whose brake stays. */
const RELEASE = `
DELETE FROM gc_pass_brakes WHERE pass = $1 AND tenant_id <> ALL ($2::text[]) RETURNING tenant_id AS tenant, state`;
