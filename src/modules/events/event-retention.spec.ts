import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type DataSource } from 'typeorm';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { eventually } from '../../../test/support/eventually.js';
import { type RunContext } from '../../core/worker/run-context.js';
import { systemClaims, withClaims } from '../auth/claims.js';
import { TimePartitions } from '../database/time-partitions.js';
import { newId } from '../ids/typed-id.js';
import { EventPartitions1795655375067 } from '../schema/migrations/1795655375067-EventPartitions.js';
import { EventLog } from './event.log.js';
import { EventRetention } from './event-retention.js';
import { PostgresEventBus } from './postgres-event-bus.js';

const DAY = 86_400_000;

describe('events by weeks', () => {
  let database: ControlPlaneDatabase;
  let dataSource: DataSource;
  const buses: PostgresEventBus[] = [];
  const logged: string[] = [];
  const context = {
    signal: new AbortController().signal,
    logger: { log: (text: string) => void logged.push(text) },
    metric: () => {},
  } as unknown as RunContext;

  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    ({ dataSource } = database);
  });
  beforeEach(() => dataSource.query('TRUNCATE events'));
  afterEach(async () => {
    logged.length = 0;
    for (const bus of buses.splice(0)) await bus.onModuleDestroy();
  });
  afterAll(() => database.close());

  function openBus(): PostgresEventBus {
    const { transactions } = database;
    const bus = new PostgresEventBus(new EventLog(transactions), transactions, { pollInterval: 20 });
    buses.push(bus);
    return bus;
  }
  const publish = (bus: PostgresEventBus, n: number) => bus.publish({ type: 'week.made', payload: { n } });
  const insert = (n: number, ago: number) =>
    dataSource.query(
      `INSERT INTO events (id, type, payload, created_at) VALUES ($1, 'week.made', $2, now() - $3 * interval '1 ms')`,
      [newId('event'), { n }, ago],
    );
  const all = async () =>
    (
      await dataSource.query<{ n: number }[]>(`SELECT (payload ->> 'n')::int AS n FROM events ORDER BY seq`)
    ).map(({ n }) => n);
  const partitions = () => new TimePartitions(dataSource, { table: 'events', width: '7d', keep: '400d' });
  const apply = (step: 'up' | 'down') =>
    dataSource.transaction(({ queryRunner }) => new EventPartitions1795655375067()[step](queryRunner!));
  const hear = (bus: PostgresEventBus) => {
    const heard: unknown[] = [];
    bus.subscribe('week.made', ({ payload }) => void heard.push(payload['n']));
    return heard;
  };

  it('can be published for three months to come without anybody who makes more', async () => {
    const weeks = await partitions().list();
    const now = Date.now();
    expect(+weeks[0]!.from).toBeLessThanOrEqual(now);
    expect(+weeks.at(-1)!.to).toBeGreaterThan(now + 90 * DAY);
    weeks.slice(1).forEach((week, i) => expect(week.from).toEqual(weeks[i]!.to));
  });

  it('go when all of their week are older than they are kept; readers and pages go on across it', async () => {
    await partitions().makeFor(new Date(Date.now() - 60 * DAY), new Date());
    for (const [n, days] of [[1, 55], [2, 50], [3, 20], [4, 1]] as const) await insert(n, days * DAY);
    const bus = openBus();
    const heard = hear(bus);
    await publish(bus, 5);
    await eventually(() => heard.length === 1);
    const page = (before?: string) =>
      withClaims(systemClaims('test'), () => bus.recent({ limit: 2, ...(before !== undefined && { before }) }));
    const first = await page();

    await new EventRetention(dataSource, { keep: '30d' }).maintain(context);
    expect(await all()).toEqual([3, 4, 5]);
    expect(logged).not.toEqual([]);
    const second = await page(first.next);
    expect([...first.items, ...second.items].map(({ payload }) => payload['n'])).toEqual([5, 4, 3]);
    expect(second.next).toBeUndefined();
    await publish(bus, 6);
    await eventually(() => heard.length === 2);
    expect(heard).toEqual([5, 6]);
  }); // prettier-ignore

  it('wait for nobody and keep nobody waiting while a week is in use, and go with a later pass', async () => {
    await partitions().makeFor(new Date(Date.now() - 60 * DAY), new Date());
    await insert(1, 55 * DAY);
    const reader = dataSource.createQueryRunner();
    await reader.startTransaction();
    await reader.query('SELECT FROM events');
    const bus = openBus();
    const passing = new EventRetention(dataSource, { keep: '30d' }).maintain(context);
    for (let n = 2; n < 12; n++) await publish(bus, n);
    await reader.commitTransaction();
    await reader.release();
    await passing;
    await new EventRetention(dataSource, { keep: '30d' }).maintain(context);
    expect(await all()).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('lose nothing when a table of before becomes their first partition, nor when that is undone', async () => {
    await apply('down');
    const { length } = await dataSource.query<unknown[]>(
      `SELECT FROM pg_inherits WHERE inhparent = 'events'::regclass`,
    );
    expect(length).toBe(0);
    for (const [n, days] of [[1, 400], [2, 31], [3, 0]] as const) await insert(n, days * DAY);
    const before = await dataSource.query<unknown[]>('SELECT * FROM events ORDER BY seq');
    const bus = openBus();
    const heard = hear(bus);
    await publish(bus, 4);
    await eventually(() => heard.length === 1);

    await apply('up');
    expect((await dataSource.query<unknown[]>('SELECT * FROM events ORDER BY seq')).slice(0, 3)).toEqual(before);
    await publish(bus, 5);
    await eventually(() => heard.length === 2);
    expect(heard).toEqual([4, 5]);
    expect(await all()).toEqual([1, 2, 3, 4, 5]);
    await new EventRetention(dataSource).onModuleInit();
    await new EventRetention(dataSource, { keep: '30d' }).maintain(context);
    expect(await all()).toEqual([1, 2, 3, 4, 5]);

    await apply('down');
    expect(await all()).toEqual([1, 2, 3, 4, 5]);
    await apply('up');
    expect(await all()).toEqual([1, 2, 3, 4, 5]);
    await publish(bus, 6);
    await eventually(() => heard.length === 3);
  }); // prettier-ignore
});
