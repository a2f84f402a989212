import 'reflect-metadata';
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { MikroORM } from '@mikro-orm/postgresql';
import { EntitySchema } from '@mikro-orm/core';
import { NestFactory } from '@nestjs/core';
import { type RunContext, Scheduler, type TransactionRunner, WorkerModule } from 'ctrlplane-workers';
import { postgres } from 'ctrlplane-workers/postgres';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import Knex from 'knex';

const url = process.env.DATABASE_URL!;
const pool = new Pool({ connectionString: url });
const db = drizzle(pool);
const knex = Knex({ client: 'pg', connection: url });
const Note = new EntitySchema({
  name: 'Note',
  properties: { id: { type: 'number', primary: true }, text: { type: 'string' } },
});
let orm: MikroORM;

before(async () => {
  await pool.query('CREATE TABLE IF NOT EXISTS note (id int PRIMARY KEY, text text NOT NULL)');
  orm = await MikroORM.init({ entities: [Note], clientUrl: url, allowGlobalContext: true });
});
after(async () => {
  await orm.close();
  await knex.destroy();
  await pool.end();
});

/** Each writes a note, and asks in the same transaction, last before the commit. */
const LIBRARIES: Record<
  string,
  (id: number, check: (transaction: TransactionRunner) => Promise<void>) => Promise<unknown>
> = {
  Drizzle: (id, check) =>
    db.transaction(async (tx) => {
      await tx.execute(sql`INSERT INTO note VALUES (${id}, 'drizzle')`);
      await check(tx);
    }),
  MikroORM: (id, check) =>
    orm.em.transactional(async (em) => {
      em.create(Note, { id, text: 'mikro-orm' } as never);
      await em.flush();
      await check(em as never);
    }),
  Knex: (id, check) =>
    knex.transaction(async (trx) => {
      await trx('note').insert({ id, text: 'knex' });
      await check(trx);
    }),
  pg: async (id, check) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('INSERT INTO note VALUES ($1, $2)', [id, 'pg']);
      await check(client);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  },
};

for (const [library, write] of Object.entries(LIBRARIES))
  it(`a transaction of ${library} is committed by the run that is current, and not by one that another was granted after`, async () => {
    const ids = { current: Math.floor(Math.random() * 1e9), stale: Math.floor(Math.random() * 1e9) };
    const outcome = await runOnce(library, async (context) => {
      await write(ids.current, (tx) => context.assertCurrent(tx));
      await granted(context.worker, 1);
      await write(ids.stale, (tx) => context.assertCurrent(tx)).then(
        () => assert.fail('it was committed'),
        (error) => assert.equal(error.name, 'StaleRunError', String(error.stack)),
      );
      // Otherwise the run would count for nothing, and its request wait for another.
      await granted(context.worker, -1);
    });
    assert.ok(outcome.ended, outcome.error?.message);
    const { rows } = await pool.query('SELECT id FROM note WHERE id = ANY($1)', [[ids.current, ids.stale]]);
    assert.deepEqual(rows, [{ id: ids.current }]);
  });

/** As if a newer run had been granted, or not. */
async function granted(worker: string, runs: number): Promise<void> {
  await pool.query('UPDATE transactions.workers SET fencing = fencing + $2 WHERE name = $1', [worker, runs]);
}

async function runOnce(library: string, run: (context: RunContext) => Promise<void>) {
  const state: { ended?: boolean; error?: Error } = {};
  const app = await NestFactory.createApplicationContext(
    WorkerModule.forRoot({ coordination: postgres({ connectionString: url, schema: 'transactions' }) }),
    { logger: false },
  );
  // What each library would take for something else.
  const name = `what's ${library}? \\ $1 :name`;
  app.get(Scheduler).register({
    name,
    interval: 0,
    run: (context) => run(context).then(() => void (state.ended = true), (error) => void (state.error = error)),
  });
  const { ended } = await app.get(Scheduler).trigger(name);
  await ended;
  await app.close();
  return state;
} // prettier-ignore
