import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { createServer, type Server } from 'node:http';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { asSystem } from '../../../test/support/control-plane.js';
import { eventually } from '../../../test/support/eventually.js';
import { InstanceRows } from '../../../test/support/instance-rows.js';
import { listening } from '../../../test/support/ports.js';
import { ForbiddenError, UnauthorizedError } from '../auth/auth.errors.js';
import { withClaims } from '../auth/claims.js';
import { EventBus } from '../events/event-bus.js';
import { type InstanceId, newId, type TenantId } from '../ids/typed-id.js';
import { UnknownInstanceError } from '../instances/instance.errors.js';
import { DatabaseModule } from '../schema/database.module.js';
import {
  CheckerNameTakenError,
  HealthCheckNameTakenError,
  NotAPushCheckError,
  UnknownHealthCheckError,
  UnknownMaintenanceWindowError,
} from './health-check.errors.js';
import { type HttpProbe } from './health-check.js';
import { type Checker, HealthChecker } from './health-checker.js';
import { HealthModule } from './health.module.js';
import { HealthService } from './health.service.js';

@HealthChecker('disk')
@Injectable()
class DiskChecker implements Checker {
  check({ config }: { config: Readonly<Record<string, unknown>> }) {
    return { outcome: 'degraded', message: `87% full, asked with ${String(config.password)}` } as const;
  }
}

describe('the health service', () => {
  let database: { url: string; drop(): Promise<void> };
  let app: TestingModule;
  let health: HealthService;
  let rows: InstanceRows;
  let server: Server;
  let url: string;
  let heard: string | undefined;
  const [mine, other] = [newId('tenant'), newId('tenant')];

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        HealthModule.forRoot({ egress: { allow: ['127.0.0.0/8'] } }),
      ],
      providers: [DiskChecker],
    }).compile();
    await app.init();
    health = app.get(HealthService, { strict: false });
    rows = new InstanceRows(app.get(DataSource));
    server = createServer(({ headers }, response) => {
      heard = headers.authorization;
      response.end();
    });
    url = `http://127.0.0.1:${await listening(server)}/`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await app.close();
    await database.drop();
  });

  const as = <T>(tenantId: TenantId, fn: () => T): T =>
    withClaims({ subject: 'user:ann', tenantId, roles: [] }, fn);
  const request = (more: object = {}) => ({
    name: newId('healthCheck'),
    probe: { type: 'http' as const, url },
    ...more,
  });
  const configure = (more: object = {}) => as(mine, () => health.configure(mine, request(more)));

  it('does nothing in nobody’s name, and nothing for a tenant whom the claims do not cover', async () => {
    const { id } = await configure();
    const calls: (() => Promise<unknown>)[] = [
      () => health.configure(mine, request()),
      () => health.update(mine, id, { interval: '1m' }),
      () => health.remove(mine, id),
      () => health.getCheck(mine, id),
      () => health.findCheck(mine, id),
      () => health.listChecks(mine),
      () => health.runCheck(mine, id),
      () => health.getHealth(mine, newId('instance')),
      () => health.getCheckHealth(mine, id),
      () => health.getHistory(mine, id),
      () => health.getReport(mine, id),
      () => health.push(mine, id),
      () => health.addMaintenance(mine, { until: '2100-01-01T00:00:00Z' }),
      () => health.listMaintenance(mine),
      () => health.removeMaintenance(mine, newId('maintenanceWindow')),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toThrow(UnauthorizedError);
      await expect(as(other, call)).rejects.toThrow(ForbiddenError);
    }
    const { signal } = new AbortController();
    expect(() => health.watch(mine, { signal })).toThrow(UnauthorizedError);
    expect(() => as(other, () => health.watch(mine, { signal }))).toThrow(ForbiddenError);
  });

  it('knows no check and no instance of another tenant', async () => {
    const { id } = await configure();
    const instanceId = await rows.addInstance({ tenantId: mine, age: 0 });
    await as(other, async () => {
      for (const call of [
        () => health.getCheck(other, id),
        () => health.update(other, id, { interval: '1m' }),
        () => health.runCheck(other, id),
        () => health.getCheckHealth(other, id),
        () => health.getHistory(other, id),
        () => health.getReport(other, id),
        () => health.push(other, id),
        () => health.addMaintenance(other, { checkId: id, until: '2100-01-01T00:00:00Z' }),
      ])
        await expect(call()).rejects.toThrow(UnknownHealthCheckError);
      for (const call of [
        () => health.getHealth(other, instanceId),
        () => health.configure(other, request({ instanceId })),
        () => health.addMaintenance(other, { instanceId, until: '2100-01-01T00:00:00Z' }),
      ])
        await expect(call()).rejects.toThrow(UnknownInstanceError);
      await health.remove(other, id);
      expect((await health.listChecks(other)).items).toEqual([]);
    });
    expect((await as(mine, () => health.getCheck(mine, id))).id).toBe(id);
  });

  it('shows a secret nowhere, sends it to the target alone, and keeps it when the rest is changed', async () => {
    const secret = 'Bearer hunter2-of-the-spec';
    const probe = { type: 'http' as const, url, headers: { Authorization: secret } };
    const made = await configure({ probe });
    const shown = await as(mine, async () => [
      made,
      await health.getCheck(mine, made.id),
      (await health.listChecks(mine)).items,
      await health.getCheckHealth(mine, made.id),
      await health.update(mine, made.id, { interval: '1m' }),
      await health.update(mine, made.id, {
        probe: { ...(made.probe as HttpProbe), json: [], status: ['200-299', '404'] },
      }),
    ]);
    expect(JSON.stringify(shown)).not.toContain('hunter2');
    expect(await as(mine, () => health.runCheck(mine, made.id))).toMatchObject({ outcome: 'success' });
    expect(heard).toBe(secret);
  });

  it('tells nothing of the configuration that a checker repeats', async () => {
    const probe = { type: 'custom' as const, checker: 'disk', config: { password: 'hunter2' } };
    const { id } = await configure({ probe });
    expect(await as(mine, () => health.runCheck(mine, id))).toMatchObject({
      outcome: 'degraded',
      message: '87% full, asked with [hidden]',
    });
  });

  it('runs a check beside its schedule, which changes nothing', async () => {
    const { id } = await configure();
    expect((await as(mine, () => health.runCheck(mine, id))).message).toBe('Answered 200');
    await as(mine, async () => {
      expect(await health.getHistory(mine, id)).toEqual([]);
      expect((await health.getCheckHealth(mine, id)).status).toBe('starting');
    });
  });

  it('makes two changes at a time one after the other', async () => {
    const { id } = await configure();
    await as(mine, () =>
      Promise.all([
        health.update(mine, id, { interval: '1m' }),
        health.update(mine, id, { failureThreshold: 7 }),
        health.update(mine, id, { name: 'renamed' }),
      ]),
    );
    expect(await as(mine, () => health.getCheck(mine, id))).toMatchObject({
      interval: 60_000,
      failureThreshold: 7,
      name: 'renamed',
      revision: 4,
    });
    await expect(configure({ name: 'renamed' })).rejects.toThrow(HealthCheckNameTakenError);
  });

  it('has an instance as healthy as its worst check, and unknown without any', async () => {
    const instanceId = await rows.addInstance({ tenantId: mine, age: 0 });
    const found = () => as(mine, () => health.getHealth(mine, instanceId));
    expect(await found()).toMatchObject({ status: 'unknown', checks: [] });
    await configure({ instanceId });
    const { id } = await configure({ instanceId });
    expect((await found()).status).toBe('starting');
    await app
      .get(DataSource)
      .query(
        `UPDATE health_check_turns SET state = '{"status":"unhealthy","since":5,"flapping":false}' WHERE check_id = $1`,
        [id],
      );
    expect(await found()).toMatchObject({
      status: 'unhealthy',
      checks: [{ status: 'starting' }, { check: { id }, status: 'unhealthy', since: new Date(5) }],
    });
    // One that is turned off says nothing of it.
    await as(mine, () => health.update(mine, id, { enabled: false }));
    expect(await found()).toMatchObject({ status: 'starting', checks: [{}, { check: { enabled: false } }] });
  });

  it('takes the call of a target only where one is waited for', async () => {
    const http = await configure();
    const push = await configure({ probe: { type: 'push' } });
    await as(mine, async () => {
      await expect(health.push(mine, http.id)).rejects.toThrow(NotAPushCheckError);
      await expect(health.push(mine, newId('healthCheck'))).rejects.toThrow(UnknownHealthCheckError);
      await expect(health.push(mine, push.id, { outcome: 'unknown' as never })).rejects.toThrow('outcome');
      await expect(health.push(mine, push.id, { message: 'x'.repeat(501) })).rejects.toThrow('message');
      expect((await health.runCheck(mine, push.id)).message).toContain('has not called yet');
      await expect(health.push(mine, push.id, { message: 'a\0b' })).rejects.toThrow('message: holds a NUL');
      await health.push(mine, push.id, { outcome: 'degraded', message: 'slow disk' });
      expect(await health.runCheck(mine, push.id)).toMatchObject({ outcome: 'degraded' });
    });
  });

  it('finds checkers, takes more of them, and refuses a second of the same name', async () => {
    const checker: Checker = { check: () => ({ outcome: 'success', message: 'fine' }) };
    health.registerChecker('late', checker);
    health.registerChecker('late', checker);
    expect(() => health.registerChecker('disk', checker)).toThrow(CheckerNameTakenError);
    const { id } = await configure({ probe: { type: 'custom', checker: 'late' } });
    expect((await as(mine, () => health.runCheck(mine, id))).message).toBe('fine');
    await expect(configure({ probe: { type: 'custom', checker: 'nobody' } })).rejects.toThrow(
      'there are disk, late',
    );
  });

  it('keeps maintenance windows of a check, an instance, or all, until they are removed', async () => {
    const { id } = await configure();
    await as(mine, async () => {
      const once = await health.addMaintenance(mine, { checkId: id, until: '2100-01-01T00:00:00Z' });
      const weekly = await health.addMaintenance(mine, {
        cron: '0 3 * * 0',
        duration: '2h',
        reason: 'backup',
      });
      expect((await health.listMaintenance(mine)).items).toEqual([once, weekly]);
      await health.removeMaintenance(mine, once.id);
      await expect(health.removeMaintenance(mine, once.id)).rejects.toThrow(UnknownMaintenanceWindowError);
      for (const [bad, message] of [
        [{}, 'until: is missing'],
        [{ until: '2001-01-01T00:00:00Z' }, 'until: '],
        [{ cron: 'often', duration: '1h' }, 'cron: '],
        [{ cron: '0 3 * * *', duration: '1h', timeZone: 'Mars/Olympus' }, 'cron: '],
        [{ cron: '0 3 * * *', duration: '25h' }, 'duration: '],
        [{ cron: '0 3 * * *' }, 'duration: is missing'],
      ] as const)
        await expect(health.addMaintenance(mine, bad)).rejects.toThrow(message);
    });
  });

  it('watches what becomes of the checks of one tenant, one instance or one check, and ends with its signal', async () => {
    const [check, another] = [await configure(), await configure()];
    const end = new AbortController();
    const heard: string[] = [];
    const listen = async (tenantId: TenantId, query: object, name: string): Promise<void> => {
      for await (const { payload } of as(tenantId, () =>
        health.watch(tenantId, { ...query, signal: end.signal }),
      ))
        heard.push(`${name} ${payload.name}`);
    };
    const listening = [
      listen(mine, {}, 'all'),
      listen(mine, { checkId: check.id }, 'one'),
      listen(mine, { instanceId: newId('instance') }, 'instance'),
      listen(other, {}, 'other'),
    ];
    const tell = ({ id, name }: { id: string; name: string }) =>
      asSystem(() =>
        app.get(EventBus, { strict: false }).publish({
          type: 'health.failed',
          tenantId: mine,
          payload: { checkId: id, name, status: 'unhealthy', message: '' },
        }),
      );
    await tell({ ...check, name: 'first' });
    await tell({ ...another, name: 'second' });
    await eventually(() => heard.length === 3);
    end.abort();
    await Promise.all(listening);
    expect(heard.sort()).toEqual(['all first', 'all second', 'one first']);
  });

  it('removes the checks of an instance that is deleted, and no others', async () => {
    const [gone, kept] = await Promise.all(
      [1, 2].map(() => rows.addInstance({ tenantId: mine, age: 0 })) as Promise<InstanceId>[],
    );
    for (const instanceId of [gone, gone, kept]) await configure({ instanceId });
    await asSystem(() =>
      app
        .get(EventBus, { strict: false })
        .publish({ type: 'instance.deleted', tenantId: mine, payload: { instanceId: gone! } }),
    );
    const left = (instanceId: InstanceId) =>
      as(mine, async () => (await health.listChecks(mine, { instanceId })).items.length);
    await eventually(async () => (await left(gone!)) === 0);
    expect(await left(kept!)).toBe(1);
  });
});
