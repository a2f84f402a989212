import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createServer as createHttp, type Server } from 'node:http';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../../test/support/control-plane-database.js';
import { eventually } from '../../../../test/support/eventually.js';
import { listening } from '../../../../test/support/ports.js';
import { type HealthCheck } from '../../health-checks/health-check.js';
import { parseHealthCheck } from '../../health-checks/health-check-input.js';
import { type HealthCheckers } from '../../health-checks/health-checkers.js';
import { type HealthEvent } from '../../health-checks/health-events.js';
import { InMemoryHealthEvents } from '../../health-checks/in-memory/in-memory-health-events.js';
import { type CheckedInstance, InstanceAccess } from '../../health-checks/instance-access.js';
import { PostgresHealthCheckRepository } from '../../health-checks/postgres-health-check.repository.js';
import { PostgresHealthHistoryRepository } from '../../health-checks/postgres-health-history.repository.js';
import { PostgresMaintenanceRepository } from '../../health-checks/postgres-maintenance.repository.js';
import { Probes } from '../../health-checks/probes/probes.js';
import { type HealthCheckId, type InstanceId, newId, type TenantId } from '../../ids/typed-id.js';
import { resolveBySystem } from '../../network-policy/dial.js';
import { EgressPolicy } from '../../network-policy/egress-policy.js';
import { type HealthRunnerOptions } from './health-runner.options.js';
import { HealthRunner } from './health-runner.worker.js';

class FakeInstances extends InstanceAccess {
  readonly restarted: InstanceId[] = [];
  readonly all = new Map<InstanceId, CheckedInstance>();

  async find(ids: readonly InstanceId[]): Promise<CheckedInstance[]> {
    return ids.flatMap((id) => this.all.get(id) ?? []);
  }

  exec(): Promise<never> {
    return Promise.reject(new Error('not asked for'));
  }

  async restart(_: TenantId, id: InstanceId): Promise<void> {
    this.restarted.push(id);
  }
}

describe('the health runner', () => {
  let database: ControlPlaneDatabase;
  let checks: PostgresHealthCheckRepository;
  let history: PostgresHealthHistoryRepository;
  let maintenance: PostgresMaintenanceRepository;
  let instances: FakeInstances;
  let events: HealthEvent[];
  let bus: InMemoryHealthEvents;
  let runners: HealthRunner[] = [];
  /** Answers 200 while it is well. */
  let server: Server;
  let address: string;
  let well = true;
  const tenantId = newId('tenant');

  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    checks = new PostgresHealthCheckRepository(database.transactions);
    history = new PostgresHealthHistoryRepository(database.dataSource);
    maintenance = new PostgresMaintenanceRepository(database.transactions);
    await history.maintain();
    server = createHttp((_, response) => response.writeHead(well ? 200 : 503).end());
    address = `127.0.0.1:${await listening(server)}`;
  });
  afterAll(async () => {
    server.close();
    await database.close();
  });
  beforeEach(async () => {
    await database.dataSource.query('DELETE FROM health_checks; DELETE FROM health_maintenance');
    instances = new FakeInstances();
    bus = new InMemoryHealthEvents();
    events = [];
    bus.subscribe((event) => events.push(event));
    well = true;
  });
  afterEach(async () => {
    for (const runner of runners) await runner.beforeApplicationShutdown();
    runners = [];
  });

  const start = (
    options: HealthRunnerOptions = {},
    policy = new EgressPolicy({ allow: ['127.0.0.0/8'] }),
  ): HealthRunner => {
    const checkers = { find: () => undefined } as unknown as HealthCheckers;
    const pushState = (check: HealthCheck) => checks.pushState(check.id);
    const probes = new Probes({ policy, resolve: resolveBySystem, checkers, instances, pushState });
    const { transactions } = database;
    const runner = new HealthRunner(
      options,
      checks,
      history,
      maintenance,
      bus,
      probes,
      transactions,
      instances,
    );
    runners.push(runner);
    return runner;
  };
  const configure = async (
    probe: object,
    more: object = {},
    instanceId?: InstanceId,
  ): Promise<HealthCheck> => {
    const request = { name: newId('healthCheck'), probe, interval: '10s', timeout: '1s', ...more };
    const settings = parseHealthCheck(request as never, { hasInstance: true, checkers: [] });
    return checks.insert(tenantId, { ...settings, id: newId('healthCheck'), instanceId });
  };
  const makeDue = (milliseconds = 0, id?: HealthCheckId) =>
    database.dataSource.query(
      `UPDATE health_check_turns SET due_at = clock_timestamp() + $1 * interval '1 ms' WHERE $2::text IS NULL OR check_id = $2`,
      [milliseconds, id ?? null],
    );
  /** One turn of every check, now, from claim to storage. */
  const turn = async (runner: HealthRunner): Promise<void> => {
    await makeDue();
    await runner.tick();
    await eventually(() => runner.counts().armed === 0);
    await runner.settled();
  };
  const http = () => ({ type: 'http', url: `http://${address}/` });
  const stateOf = async ({ id }: HealthCheck) => (await checks.statesAcrossTenants([id])).get(id)?.state;
  const told = () => events.map(({ type }) => type);

  it('runs a check at its instant, though it was claimed before, and keeps what it found', async () => {
    const check = await configure(http());
    const runner = start();
    await makeDue(2_000);
    await runner.tick();
    expect(runner.counts()).toMatchObject({ armed: 1, started: 0 });
    await eventually(() => runner.counts().started === 1);
    await runner.settled();
    const [result] = await history.recent([check.id]);
    expect(result).toMatchObject({ outcome: 'success', message: 'Answered 200', maintenance: false });
    // Two clocks, and timers that may come a millisecond early.
    expect(result!.startedAt.getTime() - result!.dueAt.getTime()).toBeGreaterThan(-100);
    expect((await stateOf(check))?.status).toBe('healthy');
  });

  it('writes nothing but the turn of a check that goes on as it was', async () => {
    const check = await configure(http());
    const runner = start();
    for (let n = 0; n < 3; n++) await turn(runner);
    const { version } = (await checks.statesAcrossTenants([check.id])).get(check.id)!;
    await turn(runner);
    expect((await checks.statesAcrossTenants([check.id])).get(check.id)!.version).toBe(version);
    expect(await history.recent([check.id])).toHaveLength(4);
  });

  it('tells transitions, and nothing else', async () => {
    const check = await configure(http(), { failureThreshold: 2 });
    const runner = start();
    await turn(runner);
    well = false;
    for (let n = 0; n < 4; n++) await turn(runner);
    well = true;
    for (let n = 0; n < 3; n++) await turn(runner);
    expect(told()).toEqual(['health.failed', 'health.recovered']);
    expect(events[0]).toMatchObject({
      tenantId,
      payload: { checkId: check.id, status: 'unhealthy', message: 'Answered 503, expected 200-299' },
    });
  });

  it('tells once what fails again while the first failure is held back', async () => {
    const probe = { type: 'tcp', address: '127.0.0.1:1' };
    const check = await configure(probe, { interval: '1s', timeout: '500ms', failureThreshold: 1 });
    const runner = start();
    await makeDue();
    await eventually(async () => {
      await runner.tick();
      return runner.counts().started > 4;
    }, 20_000);
    await runner.beforeApplicationShutdown();
    expect(told()).toEqual(['health.failed']);
    expect((await stateOf(check))?.status).toBe('unhealthy');
  });

  it('counts on where another replica has left off', async () => {
    const check = await configure(http(), { failureThreshold: 3 });
    const replicas = [start(), start()];
    well = false;
    for (const n of [0, 1, 0]) await turn(replicas[n]!);
    expect((await stateOf(check))?.status).toBe('unhealthy');
    expect(told()).toEqual(['health.failed']);
  });

  describe('when a check is changed after its turn was claimed', () => {
    const asked: string[] = [];
    const held: (() => void)[] = [];
    let other: Server;
    let origin: string;
    /** Answers what is asked of `/held` when it is told to. */
    beforeAll(async () => {
      other = createHttp((request, response) => {
        asked.push(request.url!);
        if (request.url === '/held') held.push(() => response.writeHead(503).end());
        else response.writeHead(200).end();
      });
      origin = `http://127.0.0.1:${await listening(other)}`;
    });
    beforeEach(() => void (asked.length = 0));
    afterEach(() => {
      for (const answer of held.splice(0)) answer();
    });
    afterAll(() => void other.close());

    const probe = (path: string) => ({ type: 'http', url: `${origin}${path}` });
    const change = async (check: HealthCheck, to: object) => {
      const request = { name: check.name, probe: to, interval: '10s', timeout: '1s', failureThreshold: 1 };
      const settings = parseHealthCheck(request as never, { hasInstance: true, checkers: [] });
      return checks.update(tenantId, check.id, check.revision, settings);
    };
    /** A check that is armed two seconds ahead, and something that is done to it well before that. */
    const armedAnd = async (runner: HealthRunner, act: (check: HealthCheck) => Promise<unknown>) => {
      for (;;) {
        const { dropped } = runner.counts();
        const check = await configure(probe('/old'));
        await makeDue(2_000, check.id);
        const before = performance.now();
        await runner.tick();
        await act(check);
        if (performance.now() - before < 1_000) return { check, dropped };
        // The machine stood still for so long that it may have started: once more.
        await eventually(() => runner.counts().armed === 0);
        await checks.delete(tenantId, check.id);
        asked.length = 0;
      }
    };

    it('does not run it as it was, but as it is', async () => {
      const runner = start();
      const { check, dropped } = await armedAnd(runner, (old) => change(old, probe('/new')));
      await eventually(() => runner.counts().dropped > dropped);
      await makeDue(0, check.id);
      await runner.tick();
      await eventually(() => asked.includes('/new'));
      await eventually(() => runner.counts().armed === 0);
      await runner.settled();
      expect(new Set(asked)).toEqual(new Set(['/new']));
      expect((await stateOf(check))?.status).toBe('healthy');
    });

    it('does not run one that was removed', async () => {
      const runner = start();
      const { dropped } = await armedAnd(runner, ({ id }) => checks.delete(tenantId, id));
      await eventually(() => runner.counts().dropped > dropped);
      await runner.settled();
      expect(asked).toEqual([]);
    });

    it('does not count what a run finds that had begun', async () => {
      const check = await configure(probe('/held'), { failureThreshold: 1, timeout: '10s' });
      const runner = start();
      await makeDue();
      await runner.tick();
      await eventually(() => held.length === 1);
      await change(check, probe('/new'));
      held.shift()!();
      await runner.settled();
      expect(await history.recent([check.id])).toMatchObject([{ outcome: 'failure' }]);
      expect([await stateOf(check), told()]).toEqual([undefined, []]);
      await turn(runner);
      expect((await stateOf(check))?.status).toBe('healthy');
      expect(told()).toEqual([]);
    });
  });

  it('runs checks of one tenant though another has more slow targets than there is room', async () => {
    const silent = createHttp(() => undefined);
    const port = await listening(silent);
    for (let n = 0; n < 30; n++)
      await configure(
        { type: 'http', url: `http://127.0.0.1:${port}/${n}` },
        { interval: '60s', timeout: '60s' },
      );
    const runner = start({ concurrency: 10, concurrencyPerTarget: 30 });
    await makeDue();
    await runner.tick();
    await eventually(() => runner.counts().started === 8);
    const own = newId('tenant');
    const settings = parseHealthCheck({ name: 'quick', probe: http() } as never, {
      hasInstance: true,
      checkers: [],
    });
    const { id } = await checks.insert(own, { ...settings, id: newId('healthCheck') });
    await makeDue(0, id);
    await runner.tick();
    await eventually(() => runner.counts().started === 9);
    silent.closeAllConnections();
    silent.close();
    await eventually(() => runner.counts().active === 0);
    await runner.settled();
    expect(await history.recent([id])).toMatchObject([{ outcome: 'success' }]);
  });

  it('runs each instant once among three replicas', async () => {
    for (let n = 0; n < 60; n++) await configure(http());
    const replicas = [start(), start(), start()];
    await makeDue(300);
    await Promise.all(replicas.map((replica) => replica.tick()));
    await eventually(() => replicas.reduce((sum, r) => sum + r.counts().started, 0) === 60);
    await Promise.all(replicas.map((replica) => replica.settled()));
    const [{ count }] = await database.dataSource.query<[{ count: number }]>(
      `SELECT count(*)::int FROM health_results r JOIN health_checks c ON c.id = r.check_id`,
    );
    expect(count).toBe(60);
  });

  it('has no consequences in a maintenance window, and keeps the results', async () => {
    const check = await configure(http(), { failureThreshold: 1 });
    const times = {
      kind: 'once',
      from: new Date(Date.now() - 60_000),
      until: new Date(Date.now() + 600_000),
    } as const;
    await maintenance.insert(tenantId, {
      id: newId('maintenanceWindow'),
      checkId: check.id,
      times,
      reason: '',
    });
    const runner = start();
    well = false;
    await turn(runner);
    expect(told()).toEqual([]);
    expect(await stateOf(check)).toBeUndefined();
    expect(await history.recent([check.id])).toMatchObject([{ outcome: 'failure', maintenance: true }]);
  });

  describe('of an instance', () => {
    const instance = (more: Partial<CheckedInstance> = {}): InstanceId => {
      const id = newId('instance');
      const [host, port] = address.split(':');
      const endpoints = [{ name: 'http', host: host!, port: Number(port) }];
      instances.all.set(id, { id, tenantId, provider: 'process', endpoints, checked: true, ...more });
      return id;
    };

    it('goes to its endpoint', async () => {
      const check = await configure({ type: 'http', path: '/' }, {}, instance());
      await turn(start());
      expect((await stateOf(check))?.status).toBe('healthy');
    });

    it('does not check one that is stopped or gone', async () => {
      const check = await configure({ type: 'http' }, {}, instance({ checked: false }));
      const orphan = await configure({ type: 'http' }, {}, newId('instance'));
      const runner = start();
      await turn(runner);
      expect(runner.counts().started).toBe(0);
      expect([await stateOf(check), await stateOf(orphan)]).toEqual([undefined, undefined]);
    });

    it('takes a failure of one that was stopped or started while it was checked for none', async () => {
      for (const change of [{ checked: false }, { runningSince: new Date() }, undefined]) {
        const id = instance({ runningSince: new Date(Date.now() - 60_000) });
        const more = { failureThreshold: 1, onUnhealthy: 'restart', initialDelay: 0 };
        const check = await configure({ type: 'http' }, more, id);
        const runner = start();
        await turn(runner);
        well = false;
        const { find } = instances;
        let asked = 0;
        // As it was when it is claimed, and otherwise once it has failed.
        instances.find = async (ids) => {
          if (++asked > 1 && change) instances.all.set(id, { ...instances.all.get(id)!, ...change });
          return find.call(instances, ids);
        };
        await turn(runner);
        instances.find = find;
        well = true;
        const status = (await stateOf(check))?.status;
        expect([status, instances.restarted.includes(id)]).toEqual(
          change ? ['healthy', false] : ['unhealthy', true],
        );
        await checks.delete(tenantId, check.id);
      }
    });

    it('gives one that was started again its grace and its delay anew', async () => {
      const ago = (milliseconds: number) => new Date(Date.now() - milliseconds);
      const id = instance({ runningSince: ago(86_400_000) });
      const more = { failureThreshold: 1, startupGrace: '1h' };
      const patient = await configure({ type: 'http' }, more, id);
      const late = await configure({ type: 'http' }, { failureThreshold: 1, initialDelay: '1h' }, id);
      const begun = `UPDATE health_checks SET updated_at = updated_at - interval '1 day'`;
      await database.dataSource.query(begun);
      const runner = start();
      await turn(runner);
      const statuses = async () => [(await stateOf(patient))?.status, (await stateOf(late))?.status];
      expect(await statuses()).toEqual(['healthy', 'healthy']);
      well = false;
      instances.all.set(id, { ...instances.all.get(id)!, runningSince: new Date() });
      await turn(runner);
      expect(await statuses()).toEqual(['healthy', 'healthy']);
      expect(await history.recent([late.id])).toHaveLength(1);
      // Another replica knows as well, from what is stored.
      await turn(start());
      expect(await statuses()).toEqual(['healthy', 'healthy']);
      expect(await stateOf(patient)).toMatchObject({ passed: false });
      expect(told()).toEqual([]);
    });

    it('restarts one that is unhealthy, waits before it does so again, and ends at the limit', async () => {
      const id = instance();
      const more = { failureThreshold: 1, onUnhealthy: 'restart', maxRestartsPerHour: 2 };
      const check = await configure({ type: 'http' }, more, id);
      const runner = start();
      well = false;
      await turn(runner);
      expect(instances.restarted).toEqual([id]);
      await turn(runner);
      expect(instances.restarted).toEqual([id]);
      const earlier = async (milliseconds: number) =>
        void (await database.dataSource.query(
          `UPDATE health_check_turns SET version = version + 1, state = jsonb_set(state, '{restarts}',
             (SELECT jsonb_agg(r::float8 - $1) FROM jsonb_array_elements_text(state -> 'restarts') r))`,
          [milliseconds],
        ));
      await earlier(11_000);
      await turn(runner);
      expect(instances.restarted).toEqual([id, id]);
      await earlier(600_000);
      await turn(runner);
      expect(instances.restarted).toEqual([id, id]);
      await earlier(3_600_000);
      await turn(runner);
      expect(instances.restarted).toEqual([id, id, id]);
      expect(told()).toEqual(['health.failed']);
      well = true;
      await turn(runner);
      expect(told()).toEqual(['health.failed', 'health.recovered']);
      expect((await stateOf(check))?.status).toBe('healthy');
    });
  });

  describe('when most of its targets fail at once', () => {
    /** Of ten different hosts, where nothing listens. */
    const dead = async (): Promise<HealthCheck[]> => {
      const made: HealthCheck[] = [];
      for (let n = 2; n < 12; n++)
        made.push(await configure({ type: 'tcp', address: `127.0.0.${n}:1` }, { failureThreshold: 1 }));
      return made;
    };
    const statuses = async (all: HealthCheck[]) => [
      ...new Set(await Promise.all(all.map(async (check) => (await stateOf(check))?.status))),
    ];

    it('marks nobody unhealthy by its own word', async () => {
      const all = await dead();
      const runner = start();
      await turn(runner);
      expect(told()).toEqual([]);
      expect(await statuses(all)).toEqual(['starting']);
      expect((await history.recent([all[0]!.id]))[0]).toMatchObject({
        outcome: 'unknown',
        message: expect.stringContaining('not confirmed by another one. Nothing listens there'),
      });
    });

    it('believes them when a second replica sees it too', async () => {
      const all = await dead();
      await turn(start());
      await turn(start());
      expect(await statuses(all)).toEqual(['unhealthy']);
      expect(told()).toHaveLength(10);
    });

    it('believes them when a reference target answers', async () => {
      const all = await dead();
      await turn(start({ references: [address] }));
      expect(await statuses(all)).toEqual(['unhealthy']);
    });

    it('believes one that fails alone', async () => {
      for (let n = 2; n < 12; n++) await configure({ type: 'http', url: `http://${address}/` });
      const alone = await configure({ type: 'tcp', address: '127.0.0.1:1' }, { failureThreshold: 1 });
      await turn(start());
      expect((await stateOf(alone))?.status).toBe('unhealthy');
    });
  });

  it('marks nobody unhealthy for a fault of its own', async () => {
    const id = newId('instance');
    instances.all.set(id, { id, tenantId, provider: 'process', endpoints: [], checked: true });
    const check = await configure({ type: 'http', endpoint: 'gone' }, { failureThreshold: 1 }, id);
    await turn(start());
    expect(told()).toEqual([]);
    expect((await history.recent([check.id]))[0]).toMatchObject({ outcome: 'unknown' });
  });

  it('gives back what it has claimed and not started when it stops, once and for the same instant', async () => {
    const check = await configure(http());
    const first = start();
    await makeDue(2_500);
    await first.tick();
    expect(first.counts().armed).toBe(1);
    await first.beforeApplicationShutdown();
    const second = start();
    await second.tick();
    expect(second.counts().armed).toBe(1);
    await eventually(() => second.counts().started === 1);
    await second.settled();
    expect(await history.recent([check.id])).toHaveLength(1);
  });

  it('gives back what waits for room when it stops', async () => {
    const silent = createHttp(() => undefined);
    const url = `http://127.0.0.1:${await listening(silent)}/`;
    for (let n = 0; n < 2; n++) await configure({ type: 'http', url }, { interval: '5m', timeout: '1s' });
    const first = start({ concurrency: 1 });
    await makeDue();
    await first.tick();
    await eventually(() => first.counts().active === 2);
    expect(first.counts().started).toBe(1);
    await first.beforeApplicationShutdown();
    const second = start();
    await second.tick();
    await eventually(() => second.counts().started === 1);
    silent.closeAllConnections();
    silent.close();
  });

  it('stops also when the database answers nothing any more', async () => {
    await configure(http());
    const runner = start();
    await makeDue(5_000);
    await runner.tick();
    const hang = jest.spyOn(checks, 'settleAcrossTenants').mockReturnValue(new Promise(() => undefined));
    try {
      await runner.beforeApplicationShutdown();
    } finally {
      hang.mockRestore();
    }
    expect(runner.counts()).toMatchObject({ started: 0, armed: 0 });
  });

  it('runs what a replica had claimed that died, once its lease has ended', async () => {
    const check = await configure(http(), { interval: '1s' });
    const dead = await checks.claimAcrossTenants({ limit: 10, horizon: '2s' });
    expect(dead.turns).toHaveLength(1);
    const survivor = start();
    await eventually(async () => {
      await survivor.tick();
      return survivor.counts().started > 0;
    });
    await survivor.settled();
    const results = await history.recent([check.id]);
    expect(results.at(-1)!.dueAt.getTime()).toBeGreaterThanOrEqual(dead.turns[0]!.lease.getTime());
  });

  it('is not late for others, or twice at one target, because of one that hangs', async () => {
    const silent = createHttp(() => undefined);
    const url = `http://127.0.0.1:${await listening(silent)}/`;
    await configure({ type: 'http', url }, { interval: '1s', timeout: '1s' });
    const quick = await configure(http(), { interval: '1s', timeout: '1s' });
    const runner = start();
    await makeDue();
    await eventually(async () => {
      await runner.tick();
      await runner.settled();
      return (await history.recent([quick.id])).length > 2;
    });
    silent.closeAllConnections();
    silent.close();
  });

  it('goes on when the database is away, with what it had claimed, and marks nobody', async () => {
    const check = await configure(http(), { failureThreshold: 1, interval: '5m' });
    // Its claims are its own for half of that without a word from the database: a busy machine may need it.
    const runner = start({ horizon: '1m' });
    await turn(runner);
    await makeDue(300);
    await runner.tick();
    await database.dataSource.query('ALTER TABLE health_check_turns RENAME TO away');
    try {
      await expect(runner.tick()).rejects.toThrow();
      await eventually(() => runner.counts().started === 2);
      await runner.settled();
    } finally {
      await database.dataSource.query('ALTER TABLE away RENAME TO health_check_turns');
    }
    expect(told()).toEqual([]);
    await turn(runner);
    expect((await stateOf(check))?.status).toBe('healthy');
    expect(await history.recent([check.id])).toHaveLength(3);
  });
});
