import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { UnauthorizedError } from '../auth/auth.errors.js';
import { requireClaims, systemClaims, withClaims } from '../auth/claims.js';
import { InvalidInputError } from '../input/input.errors.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { type EventBus } from './event-bus.js';
import { type StoredEvent } from './event.js';

/** Two buses on one store, as two replicas have them, and how to run something in one transaction of it. */
export interface EventBusSetup {
  bus: EventBus;
  replica: EventBus;
  transaction<T>(fn: () => Promise<T>): Promise<T>;
}

/** What every `EventBus` keeps. `setup` is called by each case; one pair of buses may serve them all. */
export function eventBusContract(setup: () => EventBusSetup): ContractCase[] {
  const publish = (type: string, payload: Record<string, unknown> = {}, tenantId?: TenantId) =>
    setup().bus.publish({ type, tenantId, payload });
  const system = <T>(fn: () => T) => withClaims(systemClaims('test'), fn);

  return contract(setup, {
    'keeps events and shows them newest first, by type and by tenant': async ({ replica }) => {
      const [ours, theirs] = [newId('tenant'), newId('tenant')];
      const first = await publish('kept.made', { text: `it's "a" 💥` }, ours);
      const second = await publish('kept.gone', { n: 2 }, ours);
      const third = await publish('kept.made', {}, theirs);
      const last = await publish('kept.made');
      assert.equal(last.tenantId, undefined);
      await system(async () => {
        assert.deepEqual((await replica.recent({ limit: 4 })).items, [last, third, second, first]);
        assert.deepEqual((await replica.recent({ type: 'kept.gone' })).items, [second]);
        assert.deepEqual((await replica.recent({ tenantId: ours })).items, [second, first]);
        const both = await replica.recent({ tenantId: ours, type: 'kept.made' });
        assert.deepEqual(both.items, [first]);
      });
    },
    'shows events page by page, also while new ones come': async ({ bus }) => {
      const stored: StoredEvent[] = [];
      for (let n = 0; n < 5; n++) stored.unshift(await publish('paged.made', { n }));
      await system(async () => {
        const seen: StoredEvent[] = [];
        let before: string | undefined;
        do {
          const page = await bus.recent({ type: 'paged.made', limit: 2, before });
          seen.push(...page.items);
          before = page.next;
          await publish('paged.made', { late: true });
        } while (before !== undefined);
        assert.deepEqual(seen, stored);
      });
    },
    'shows nothing without claims, and refuses an absurd limit or position': async ({ bus }) => {
      await assert.rejects(bus.recent(), UnauthorizedError);
      await assert.rejects(bus.recent({ tenantId: newId('tenant') }), UnauthorizedError);
      await system(async () => {
        for (const limit of [0, 1_001, Number.NaN]) {
          await assert.rejects(bus.recent({ limit }), InvalidInputError);
        }
        await assert.rejects(bus.recent({ before: '1; --' }), InvalidInputError);
      });
    },
    'tells subscribers on every replica, each type to those who asked for it, in order': async ({
      bus,
      replica,
    }) => {
      const here = listen(bus, ['told.a', 'told.b']);
      const there = listen(replica, '*');
      // Published by another process a moment later: the replica has to have been listening.
      await there.ready(replica);
      for (const type of ['told.a', 'told.other', 'told.b', 'told.a']) await publish(type);
      assert.deepEqual(types(await here.first(3)), ['told.a', 'told.b', 'told.a']);
      const told = (await there.until(({ type }) => type === 'told.b')).filter(isOf('told'));
      assert.deepEqual(types(told), ['told.a', 'told.other', 'told.b']);
      here.stop();
      there.stop();
    },
    'tells what is published right after subscribing, and nothing from before': async ({ bus }) => {
      await publish('fresh.old');
      const listener = listen(bus, ['fresh.old', 'fresh.new']);
      await publish('fresh.new');
      await publish('fresh.new');
      assert.deepEqual(types(await listener.first(2)), ['fresh.new', 'fresh.new']);
      listener.stop();
    },
    'tells an event of a transaction when that commits, and never one of a transaction that failed': async ({
      transaction,
      bus,
    }) => {
      const listener = listen(bus, ['tx.failed', 'tx.done']);
      const failed = transaction(async () => {
        await publish('tx.failed');
        throw new Error('rolled back');
      });
      await assert.rejects(failed, /rolled back/);
      await transaction(async () => {
        await publish('tx.done');
        assert.deepEqual(listener.heard, []);
      });
      assert.deepEqual(types(await listener.first(1)), ['tx.done']);
      assert.deepEqual((await system(() => bus.recent({ type: 'tx.failed' }))).items, []);
      listener.stop();
    },
    'goes on after a subscriber that failed, for itself and for the others': async ({ bus }) => {
      const throwing = listen(bus, ['harm.done'], () => {
        throw new Error('a subscriber of the test fails on purpose');
      });
      const rejecting = listen(bus, ['harm.done'], () => Promise.reject(new Error('so does this one')));
      const hanging = listen(bus, ['harm.done'], () => new Promise(() => undefined));
      const fine = listen(bus, ['harm.done']);
      for (const n of [1, 2, 3]) await publish('harm.done', { n });
      for (const listener of [throwing, rejecting, fine]) {
        assert.deepEqual(numbers(await listener.first(3)), [1, 2, 3]);
      }
      assert.deepEqual(numbers(await hanging.first(1)), [1]);
      for (const { stop } of [throwing, rejecting, hanging, fine]) stop();
    },
    'hands over one event at a time': async ({ bus }) => {
      let active = 0;
      let most = 0;
      const three = new Promise<void>((resolve) => {
        const stop = bus.subscribe('serial.made', async ({ payload }) => {
          most = Math.max(most, ++active);
          await new Promise((next) => setImmediate(next));
          active--;
          if (payload.n === 3) resolve(stop());
        });
      });
      for (const n of [1, 2, 3]) await publish('serial.made', { n });
      await three;
      assert.equal(most, 1);
    },
    'tells nothing more once unsubscribed': async ({ bus }) => {
      const gone = listen(bus, ['gone.made']);
      const staying = listen(bus, ['gone.made']);
      await publish('gone.made');
      await Promise.all([gone.first(1), staying.first(1)]);
      gone.stop();
      await publish('gone.made');
      await staying.first(2);
      assert.equal(gone.heard.length, 1);
      staying.stop();
    },
    "calls subscribers outside the publisher's and the subscriber's claims": async ({ bus }) => {
      const claims = new Promise((resolve) => {
        const stop = system(() =>
          bus.subscribe('claims.made', () => {
            stop();
            resolve(nameOfErrorIn(requireClaims));
          }),
        );
      });
      await system(() => publish('claims.made'));
      assert.equal(await claims, 'UnauthorizedError');
    },
    'refuses a malformed type': async ({ bus }) => {
      for (const type of ['', 'deleted', 'instance.', 'Instance.deleted', '*']) {
        await assert.rejects(publish(type), InvalidInputError);
      }
      assert.throws(() => bus.subscribe(['a.b', 'nonsense'], () => undefined), InvalidInputError);
    },
  });
}

/** A subscriber that keeps what it heard, and then does what the test wants. */
function listen(
  bus: EventBus,
  wanted: '*' | readonly string[],
  handler: (event: StoredEvent) => unknown = () => undefined,
) {
  const heard: StoredEvent[] = [];
  let changed: () => void = () => undefined;
  const stop = bus.subscribe(wanted, (event) => {
    heard.push(event);
    changed();
    return handler(event);
  });
  const until = async (enough: (event: StoredEvent) => boolean) => {
    while (!heard.some(enough)) await new Promise<void>((resolve) => (changed = resolve));
    return heard.slice(0, heard.findIndex(enough) + 1);
  };
  const first = async (count: number) => {
    while (heard.length < count) await new Promise<void>((resolve) => (changed = resolve));
    return heard.slice(0, count);
  };
  /** A bus that has published knows from when on its own subscribers are to be told. */
  const ready = (own: EventBus) => own.publish({ type: 'listener.ready', payload: {} });
  return { heard, stop, until, first, ready };
}

function types(events: readonly StoredEvent[]): string[] {
  return events.map(({ type }) => type);
}

function numbers(events: readonly StoredEvent[]): unknown[] {
  return events.map(({ payload }) => payload.n);
}

function isOf(prefix: string): (event: StoredEvent) => boolean {
  return ({ type }) => type.startsWith(`${prefix}.`);
}

function nameOfErrorIn(fn: () => unknown): string | undefined {
  try {
    fn();
    return undefined;
  } catch (error) {
    return (error as Error).name;
  }
}
