/*
 * Tests of the handler, with a clock that only they move. With DATABASE_URL the schedules are in PostgreSQL.
 *
 *     npm run examples:build && node --test dist/examples/reminders/reminders.test.js
 */
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { Schedules } from 'ctrlplane-workers/control-plane';
import { WorkerTestHarness } from 'ctrlplane-workers/testing';
import { Messenger, Reminders, RemindersModule } from './reminders.js';

describe('reminders', () => {
  const send = mock.fn<Messenger['send']>(async () => {});
  let harness: WorkerTestHarness;
  let user: string;

  beforeEach(async () => {
    send.mock.resetCalls();
    // In a database they outlive the test.
    user = `ada ${randomUUID()}`;
    harness = await WorkerTestHarness.create(
      { imports: [RemindersModule] },
      { override: (builder) => builder.overrideProvider(Messenger).useValue({ send }) },
    );
    await harness
      .get(Reminders)
      .set(user, 'stand-up', { cron: '0 9 * * mon-fri', timeZone: 'America/New_York' });
  });
  afterEach(async () => {
    await harness.get(Schedules).remove('reminder', user);
    await harness.close();
  });

  it('go to the user at the time of day that the user has chosen', async () => {
    const run = await harness.runNext('reminder', user);
    assert.equal(run.outcome, 'succeeded');
    assert.deepEqual(
      send.mock.calls.map((call) => call.arguments),
      [[user, 'stand-up', 1]],
    );
    const local = run.slot!.toLocaleTimeString('en-GB', { timeZone: 'America/New_York' });
    assert.equal(local, '09:00:00');
  });

  it('are sent again when they could not be', async () => {
    send.mock.mockImplementationOnce(() => Promise.reject(new Error('no such mailbox')));
    assert.equal((await harness.runNext('reminder', user)).outcome, 'failed');
    assert.equal((await harness.runNext('reminder', user)).outcome, 'succeeded');
    const stored = await harness.get(Schedules).get('reminder', user);
    assert.equal(stored?.runs, 2);
    assert.equal(stored?.lastOutcome, 'succeeded');
  });

  it('are sent at once on request', async () => {
    const run = await harness.run('reminder', user);
    assert.equal(run.trigger, 'manual');
    assert.equal(send.mock.callCount(), 1);
  });

  it(
    'are sent every day, as the clock goes on',
    { skip: process.env.DATABASE_URL !== undefined },
    async () => {
      await harness.advance('7d');
      assert.equal(send.mock.callCount(), 5);
    },
  );
});
