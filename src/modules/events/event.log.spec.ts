import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { Transactions } from '../database/transaction.js';
import { EventLog, type LogPage, type LogPosition } from './event.log.js';

describe('EventLog', () => {
  let database: ControlPlaneDatabase;

  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  it('gives an entry once, although it passed over a transaction of another database and then waits for it', async () => {
    const elsewhere = await createTestDatabase();
    const client = new pg.Client({ connectionString: elsewhere.url });
    await client.connect();
    const log = new EventLog(database.transactions);
    const outside = new EventLog(new Transactions(database.dataSource));
    const types = ['log.made'];
    const pages: LogPage[] = [];
    try {
      await database.transactions.run(async () => {
        // PostgreSQL keeps the list of sessions that a transaction has read: for this one, the client has no transaction of its
        // own. So it is for a query whose snapshot is taken before the client's transaction ends, and which reads the list after.
        await database.transactions.query('SELECT FROM pg_stat_activity');
        await client.query('BEGIN; SELECT pg_current_xact_id()');
        const { xmin: xact } = await outside.snapshot();
        await outside.append({ type: 'log.made', payload: {} });
        pages.push(await firstEntries(outside, { xact, seq: 0n }, types));
        pages.push(await log.after(pages[0]!.next, types, 10));
        await client.query('COMMIT');
        pages.push(await outside.after(pages[1]!.next, types, 10));
      });
      expect(pages.map(({ entries }) => entries.length)).toEqual([1, 0, 0]);
      expect(pages[1]!.next).toEqual(pages[0]!.next);
    } finally {
      await client.end();
      await elsewhere.drop();
    }
  });
});

/** Transactions of other test files may have to be waited for. */
async function firstEntries(log: EventLog, from: LogPosition, types: readonly string[]): Promise<LogPage> {
  for (;;) {
    const page = await log.after(from, types, 10);
    if (page.entries.length > 0) return page;
  }
}
