import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { eventually } from '../../../../test/support/eventually.js';
import { Incidents } from '../../../core/incidents/incidents.js';
import { IncidentsModule } from '../../../core/incidents/incidents.module.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { ManualClock } from '../../../core/testing/manual-clock.js';
import { Clock } from '../../../core/timing/clock.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { systemClaims, withClaims } from '../../auth/claims.js';
import { Transactions } from '../../database/transaction.js';
import { EventBus } from '../../events/event-bus.js';
import { EventsModule } from '../../events/events.module.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { IncidentWatchModule } from './incident-watch.module.js';

const KEY = { kind: 'worker', subject: 'import', condition: 'failing' };

describe('events of incidents', () => {
  let app: TestingModule;
  let clock: ManualClock;
  let logged: string[];
  let database: { url: string; drop(): Promise<void> };

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    clock = new ManualClock();
    logged = [];
    const note = (text: unknown) => logged.push(String(text));
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        EventsModule,
        WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 0 } }),
        IncidentsModule.forRoot(),
        IncidentWatchModule.forRoot(),
      ],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .setLogger({ log: note, warn: note, error: note })
      .compile();
    await app.init();
  });
  afterEach(async () => {
    const closed = app.close();
    await clock.advance('1m');
    await closed;
    await database.drop();
  });

  const published = async (type?: string): Promise<Record<string, unknown>[]> => {
    const { items } = await withClaims(systemClaims('test'), () => app.get(EventBus).recent({ type }));
    return items
      .filter((event) => event.type.startsWith('incident.'))
      .map(({ type, payload }) => ({ type, ...payload }));
  };

  it('are published when one opens and when it closes, silenced or not', async () => {
    const incidents = app.get(Incidents);
    await incidents.silence({ subject: 'import', for: '1h' });
    await incidents.report({
      ...KEY,
      summary: 'no route',
      runId: 'b2f7a5a6-3c1c-4f5e-9a53-1f0f3a0a9f10',
      release: '2.4.1',
    });
    await incidents.report({ ...KEY, summary: 'again' });
    await eventually(async () => (await published()).length === 1);
    const closed = await incidents.resolve(KEY);
    await eventually(async () => (await published()).length === 2);
    const told = {
      incidentId: closed!.id,
      ...KEY,
      summary: 'no route',
      runId: 'b2f7a5a6-3c1c-4f5e-9a53-1f0f3a0a9f10',
      release: '2.4.1',
      openedAt: closed!.openedAt.toISOString(),
    };
    expect(await published()).toEqual([
      { type: 'incident.closed', ...told, closedAt: closed!.closedAt!.toISOString() },
      { type: 'incident.opened', ...told },
    ]);
    expect(await published('incident.closed')).toHaveLength(1);
  });

  it('do not depend on the transaction in which one is reported', async () => {
    const reported = app.get(Transactions).run(async () => {
      await app.get(Incidents).report({ ...KEY, summary: 'no route' });
      throw new Error('undone');
    });
    await expect(reported).rejects.toThrow('undone');
    await eventually(async () => (await published()).length === 1);
  });

  it('wait, in their order, while the database cannot take them', async () => {
    const sql = (statement: string): Promise<unknown> => app.get(DataSource).query(statement);
    await sql('ALTER TABLE events RENAME TO events_away');
    const incidents = app.get(Incidents);
    await incidents.report({ ...KEY, summary: 'no route' });
    await eventually(() => logged.some((line) => /^1 events of incidents wait to be published: /.test(line)));
    await incidents.resolve(KEY);
    await clock.advance('5s');
    await eventually(() => logged.some((line) => /^2 events of incidents wait to be published: /.test(line)));
    await sql('ALTER TABLE events_away RENAME TO events');
    await clock.advance('5s');
    await eventually(async () => (await published()).length === 2);
    expect((await published()).map(({ type }) => type)).toEqual(['incident.closed', 'incident.opened']);
  });

  it('start workers that run on them', async () => {
    const seen: unknown[] = [];
    app.get(Scheduler).register({
      name: 'pager',
      interval: 0,
      on: ['incident.opened'],
      run: ({ payload }) => void seen.push(payload),
    });
    await app.get(Incidents).report({ ...KEY, summary: 'no route' });
    await eventually(async () => {
      await clock.advance('1s');
      return seen.length === 1;
    });
    expect(seen).toEqual([
      expect.objectContaining({
        type: 'incident.opened',
        payload: expect.objectContaining({ subject: 'import', summary: 'no route' }),
      }),
    ]);
  });
});
