// Workers whose runs take place in a thread or a process: each does something of which a run must come to the right end.
import 'reflect-metadata';
import { Injectable, Logger, Module } from '@nestjs/common';
import { threadId } from 'node:worker_threads';
import pg from 'pg';
import { Interval, RunContext, StaleRunError } from 'ctrlplane-workers';

/** Keeps the processor busy, and lets no event through. */
export function burn(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

class Heavy {
  logger = new Logger('Heavy');

  async echoes(context) {
    const { payload, worker, runId, attempt, trigger, actor, slot, scheduledAt, startedAt, fencingToken } =
      context;
    context.logger.log(
      JSON.stringify({
        payload, worker, runId, attempt, trigger, actor, slot, scheduledAt, startedAt, fencingToken,
        current: RunContext.current() === context, aborted: context.signal.aborted,
        pid: process.pid, thread: threadId,
      }),
    ); // prettier-ignore
  }
  burns(context) {
    burn(context.payload ?? 2_000);
  }
  throws() {
    const cause = Object.assign(new RangeError('the cause'), { code: 'E_CAUSE' });
    throw Object.assign(new TypeError('the error', { cause }), { code: 'E_OWN', toString() {} });
  }
  throws_text() {
    throw 'a mere text';
  }
  exits(context) {
    process.exit(context.payload ?? 7);
  }
  aborts() {
    process.abort();
  }
  async throws_later() {
    setTimeout(() => {
      throw new Error('thrown in a callback');
    });
    await new Promise(() => {});
  }
  async rejects() {
    void Promise.reject(new Error('rejected, and nobody awaits it'));
    await new Promise(() => {});
  }
  fills() {
    const all = [];
    for (;;) all.push(new Array(1_000).fill(all.length));
  }
  loops(context) {
    context.progress(1);
    for (;;);
  }
  loops_on() {
    for (;;);
  }
  async heeds(context) {
    context.progress(1, 2, 'waits');
    await new Promise((_, reject) =>
      context.signal.addEventListener('abort', () => reject(context.signal.reason)),
    );
  }
  async ignores(context) {
    context.progress(1);
    await new Promise((resolve) => setTimeout(resolve, 600_000));
  }
  reports(context) {
    for (let i = 1; i <= 100_000; i++) context.progress(i, 100_000, 'row');
    context.metric('rows', 100_000);
    context.metric('bytes', 1.5);
    this.logger.warn('by the logger of Nest');
    context.logger.error('by the logger of the run');
  }
  bad_metric(context) {
    context.metric('rows', () => {});
  }
  bad_result() {
    return () => {};
  }
  /** In a transaction of this thread or process. */
  async asserts(context) {
    const { payload, worker, fencingToken } = context;
    context.metric('token', fencingToken);
    if (payload === 'nothing') return context.assertCurrent({});
    if (payload === 'closed')
      return context.assertCurrent({ query: () => Promise.reject(new Error('the connection is closed')) });
    const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
    await client.connect();
    try {
      await client.query('BEGIN');
      if (payload === 'superseded')
        await client.query('UPDATE workers.workers SET fencing = fencing + 1 WHERE name = $1', [worker]);
      const both = await Promise.allSettled([context.assertCurrent(client), context.assertCurrent(client)]);
      const refused = both.find(({ status }) => status === 'rejected');
      if (refused) {
        context.metric('knows', Number(refused.reason instanceof StaleRunError));
        throw refused.reason;
      }
      context.metric('asserted', both.length);
    } finally {
      await client.query('ROLLBACK');
      await client.end();
    }
  }
  late(context) {
    setTimeout(() => {
      context.progress(99);
      context.logger.log('said too late');
    }, 100);
  }
}

const options = JSON.parse(process.env.HEAVY_OPTIONS ?? '{}');
for (const name of Object.getOwnPropertyNames(Heavy.prototype).filter((name) => name !== 'constructor'))
  for (const kind of ['thread', 'process']) {
    const method = `${kind}_${name}`;
    Heavy.prototype[method] = function (context) {
      return this[name](context);
    };
    const { isolate, ...more } = options[name] ?? {};
    Interval(`${kind}.${name}`, 0, { isolate: isolate ? { in: kind, ...isolate } : kind, ...more })(
      Heavy.prototype,
      method,
      Object.getOwnPropertyDescriptor(Heavy.prototype, method),
    );
  }
Injectable()(Heavy);

export class HeavyModule {}
Module({ providers: [Heavy] })(HeavyModule);
