import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { gate } from '../../../test/support/gate.js';
import { newId } from '../ids/typed-id.js';
import { TransactionRolledBackError } from './transaction.errors.js';

describe('Transactions', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  const insert = (name: string) =>
    database.transactions
      .manager()
      .query('INSERT INTO tenants (id, name) VALUES ($1, $2)', [newId('tenant'), name]);
  const exists = async (name: string) => {
    const rows = await database.dataSource.query<unknown[]>('SELECT FROM tenants WHERE name = $1', [name]);
    return rows.length === 1;
  };
  const failure = new Error('on purpose');

  it('commit when they resolve, and give the value', async () => {
    const value = await database.transactions.run(async () => {
      await insert('committed');
      expect(await exists('committed')).toBe(false);
      return 7;
    });
    expect(value).toBe(7);
    expect(await exists('committed')).toBe(true);
  });

  it('roll back when they reject', async () => {
    const run = database.transactions.run(async () => {
      await insert('rolled-back');
      throw failure;
    });
    await expect(run).rejects.toBe(failure);
    expect(await exists('rolled-back')).toBe(false);
  });

  it('join the one around them', async () => {
    const run = database.transactions.run(async () => {
      await database.transactions.run(() => insert('joined'));
      expect(await exists('joined')).toBe(false);
      throw failure;
    });
    await expect(run).rejects.toBe(failure);
    expect(await exists('joined')).toBe(false);
  });

  it('do not keep the rest of a change of which a part failed, even if somebody swallows that', async () => {
    const run = database.transactions.run(async () => {
      await insert('rest');
      await database.transactions.run(() => Promise.reject(failure)).catch(() => undefined);
    });
    await expect(run).rejects.toThrow(TransactionRolledBackError);
    await expect(run).rejects.toMatchObject({ cause: failure });
    expect(await exists('rest')).toBe(false);
  });

  it('are separate when they run side by side', async () => {
    const [failed, committed] = await Promise.allSettled([
      database.transactions.run(async () => {
        await insert('side-a');
        throw failure;
      }),
      database.transactions.run(() => insert('side-b')),
    ]);
    expect([failed.status, committed.status]).toEqual(['rejected', 'fulfilled']);
    expect([await exists('side-a'), await exists('side-b')]).toEqual([false, true]);
  });

  it('call what waits for the commit after the outermost has committed, outside of it, in order', async () => {
    const { transactions } = database;
    const seen: string[] = [];
    await transactions.run(async () => {
      await transactions.run(async () => transactions.afterCommit(() => seen.push('inner')));
      transactions.afterCommit(() => {
        seen.push(transactions.manager() === database.dataSource.manager ? 'outside' : 'inside');
      });
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual(['inner', 'outside']);
  });

  it('never call it when they fail, and at once when there is none', async () => {
    const seen: string[] = [];
    const run = database.transactions.run(async () => {
      database.transactions.afterCommit(() => seen.push('failed'));
      throw failure;
    });
    await expect(run).rejects.toBe(failure);
    database.transactions.afterCommit(() => seen.push('none'));
    expect(seen).toEqual(['none']);
  });

  it('fail, and only they, when the server ends their connection', async () => {
    const run = database.transactions.run(async () => {
      const [{ pid }] = await database.transactions.manager().query('SELECT pg_backend_pid() AS pid');
      await database.dataSource.query('SELECT pg_terminate_backend($1)', [pid]);
      await insert('cut-off');
    });
    await expect(run).rejects.toThrow();
    expect(await exists('cut-off')).toBe(false);
    await database.transactions.run(() => insert('after-it'));
    expect(await exists('after-it')).toBe(true);
  });

  it('are run again as a whole after a deadlock, so that both sides get through and nothing is there twice', async () => {
    const { transactions } = database;
    for (const name of ['left', 'right']) await insert(name);
    const rename = (from: string, to: string) =>
      transactions.manager().query('UPDATE tenants SET name = $2 WHERE name LIKE $1', [`${from}%`, to]);
    const met = gate();
    let both = 0;
    let tries = 0;
    const crossing = (first: string, second: string, log: string) =>
      transactions.run(async () => {
        tries++;
        await rename(first, `${first}-${log}`);
        if (++both === 2) met.open();
        await met.opened;
        await rename(second, `${second}-${log}`);
        await insert(`log-${log}`);
      });
    await Promise.all([crossing('left', 'right', 'a'), crossing('right', 'left', 'b')]);
    expect(tries).toBeGreaterThan(2);
    const logs = await database.dataSource.query<{ name: string }[]>(
      `SELECT name FROM tenants WHERE name LIKE 'log-%' ORDER BY name`,
    );
    expect(logs.map(({ name }) => name)).toEqual(['log-a', 'log-b']);
  });

  it('are run again after a serialization failure, also when a part of it swallowed that, and given up in the end', async () => {
    let tries = 0;
    const failing = (until: number) =>
      database.transactions.run(async () => {
        tries++;
        const raise = () =>
          database.transactions
            .manager()
            .query(`DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$`);
        if (tries < until) await database.transactions.run(raise).catch(() => undefined);
        return tries;
      });
    expect(await failing(3)).toBe(3);
    tries = 0;
    await expect(failing(Infinity)).rejects.toThrow(TransactionRolledBackError);
    expect(tries).toBe(6);
  });
});
