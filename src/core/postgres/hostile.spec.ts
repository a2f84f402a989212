import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { type Coordinator } from '../coordination/coordinator.js';
import { type WorkerRecord } from '../coordination/worker-record.js';
import { thisReplica } from '../history/replica.js';
import { type EndedRun, type Run } from '../history/run.js';
import { RunRecorder } from '../history/run.recorder.js';
import { describeError } from '../text/describe-error.js';
import { SystemClock } from '../timing/clock.js';
import { postgres } from './postgres.coordinator.js';
import { PostgresRunStore } from './postgres-run.store.js';

const REPLICA = thisReplica(0);
const NOW = new Date(Date.UTC(2026, 0, 1));

const ended = (worker: string, given: Partial<Run> = {}): EndedRun => ({
  id: randomUUID(), worker, replica: REPLICA.id, trigger: 'schedule', slot: NOW, attempt: 1,
  scheduledAt: NOW, startedAt: NOW, endedAt: NOW, outcome: 'succeeded', ...given,
}); // prettier-ignore

describe.each([
  ['UTF8', 'what no database takes', 'bad\0', '💥'.slice(0, 1)],
  ['LATIN1', 'what this one lacks', '日本', '日本'],
])('a database in %s that is given %s', (encoding, _what, badName, badText) => {
  let admin: TestDatabase;
  let server: pg.Client;
  let url: string;
  const errors: string[] = [];

  beforeAll(async () => {
    admin = await createTestDatabase();
    server = new pg.Client({ connectionString: admin.url });
    await server.connect();
    const name = `${new URL(admin.url).pathname.slice(1)}_${encoding.toLowerCase()}`;
    await server.query(`CREATE DATABASE ${name} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`);
    url = new URL(`/${name}`, admin.url).href;
    Logger.overrideLogger({ log: () => {}, warn: () => {}, error: (text: string) => errors.push(text) });
  });
  afterAll(async () => {
    Logger.overrideLogger(['error', 'warn', 'log']);
    await server.query(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
    await server.end();
    await admin.drop();
  });
  beforeEach(() => void errors.splice(0));

  describe('as a history', () => {
    let store: PostgresRunStore;
    let recorder: RunRecorder;
    beforeEach(async () => {
      store = new PostgresRunStore({ connectionString: url });
      recorder = new RunRecorder(new SystemClock(), store);
      await recorder.open();
    });
    afterEach(() => recorder.close());

    it('keeps the runs of all other workers, and says of which it keeps none', async () => {
      const good = Array.from({ length: 30 }, () => ended('good'));
      good.slice(0, 15).forEach((run) => recorder.record(run));
      recorder.record(ended(badName));
      good.slice(15).forEach((run) => recorder.record(run));
      const found = await recorder.find({ worker: 'good', limit: 100 });
      expect(new Set(found.map(({ id }) => id))).toEqual(new Set(good.map(({ id }) => id)));
      expect(await recorder.find({ worker: badName, limit: 1 })).toEqual([]);
      expect(recorder.status()).toEqual({ state: 'ok', buffered: 0, dropped: 1 });
      expect(errors).toEqual([expect.stringMatching(/is not recorded, as the store never takes it/)]);
    });

    it('keeps a run whose texts it does not take, with others in their place', async () => {
      const error = { name: 'Error', message: `broken: ${badText}` };
      const [failed, slow] = [
        ended('texts', { outcome: 'failed', error }),
        ended('texts', { progress: { done: 1, total: 2, message: badText } }),
      ];
      recorder.record(failed);
      recorder.record(slow);
      const found = new Map((await recorder.find({ worker: 'texts', limit: 2 })).map((run) => [run.id, run]));
      expect(found.get(failed.id)).toMatchObject({
        outcome: 'failed',
        error: { message: expect.stringMatching(/^(broken: \?+|The error cannot be stored: .*)$/) },
      });
      expect(found.get(slow.id)).toMatchObject({ progress: { done: 1 } });
      expect(recorder.status()).toEqual({ state: 'ok', buffered: 0, dropped: 0 });
    });

    it('keeps a run whose payload it does not take, without the payload', async () => {
      const given = [{ text: badText }, { text: 'a' }].map((payload) =>
        ended('payloads', { trigger: 'manual', slot: undefined, payload }),
      );
      given.forEach((run) => recorder.record(run));
      const found = await recorder.find({ worker: 'payloads', limit: 2, withLog: true });
      const [bad, good] = given.map(({ id }) => found.find((run) => run.id === id)!);
      expect([bad!.payload, bad!.payloadOmitted]).toEqual([undefined, true]);
      expect([good!.payload, good!.payloadOmitted]).toEqual([{ text: 'a' }, undefined]);
      expect(recorder.status()).toEqual({ state: 'ok', buffered: 0, dropped: 0 });
    });

    it('tells the last slots of all other workers', async () => {
      recorder.record(ended('slots'));
      await recorder.flush();
      expect((await recorder.lastSlots([badName, 'slots', `${badName}2`])).get('slots')).toEqual(NOW);
      recorder.noteSlot(badName, NOW);
      recorder.noteSlot('noted', NOW);
      await recorder.flush();
      expect((await recorder.lastSlots(['noted'])).get('noted')).toEqual(NOW);
      expect(recorder.status()).toMatchObject({ state: 'ok' });
    });
  });

  describe('as a coordination', () => {
    let coordinator: Coordinator;
    beforeAll(async () => {
      coordinator = postgres({ connectionString: url });
      await coordinator.open();
    });
    afterAll(() => coordinator.close());

    const claimed = async (): Promise<WorkerRecord> => {
      const enrolment = { name: randomUUID(), timing: '1s', slot: 0 };
      const { records } = await coordinator.enroll([enrolment]);
      const { slot, fencing } = records[0]!;
      const answer = await coordinator.claim({
        worker: enrolment.name, runId: randomUUID(), replica: REPLICA.id, fencing, from: slot,
        target: { slot: 1_000 }, missed: 0, skipped: 0, lease: 60_000, maxAttempts: 3,
      }); // prettier-ignore
      return answer.record!;
    };
    const held = ({ name, runId, fencing }: WorkerRecord) => ({ worker: name, runId: runId!, fencing });

    it('makes all other workers known, and says which it never can', async () => {
      const names = ['a', badName, 'b', `${badName}2`, 'c'];
      const { records, refused } = await coordinator.enroll(
        names.map((name) => ({ name, timing: '1s', slot: 0 })),
      );
      expect(new Set(records.map(({ name }) => name))).toEqual(new Set(['a', 'b', 'c']));
      expect(refused!.map(({ name }) => name)).toEqual([badName, `${badName}2`]);
    });

    it('renews a lease whatever its run says of its progress', async () => {
      const record = await claimed();
      const progress = { done: 1, message: badText };
      const { leaseUntil } = await coordinator.heartbeat({ ...held(record), lease: 60_000, progress });
      expect(leaseUntil).toEqual(expect.any(Number));
      const big = { done: 1n as unknown as number };
      await expect(coordinator.heartbeat({ ...held(record), lease: 60_000, progress: big })).resolves.toMatchObject(
        { leaseUntil: expect.any(Number) },
      ); // prettier-ignore
    });

    it('takes a lease back whatever its run has ended with', async () => {
      const record = await claimed();
      const run = ended(record.name, {
        outcome: 'failed',
        error: { ...describeError(badText), message: badText },
      });
      const answer = await coordinator.release({
        ...held(record), kind: 'done', run, leased: true, retry: false, delay: 'keep', tell: false,
      }); // prettier-ignore
      expect(answer.record).toMatchObject({ holder: undefined, status: { consecutiveFailures: 1 } });
    });
  });
});
