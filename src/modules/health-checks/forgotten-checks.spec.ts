import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { eventually } from '../../../test/support/eventually.js';
import { InstanceRows } from '../../../test/support/instance-rows.js';
import { type RunContext } from '../../core/worker/run-context.js';
import { EventLog } from '../events/event.log.js';
import { PostgresEventBus } from '../events/postgres-event-bus.js';
import { type InstanceId, newId, type TenantId } from '../ids/typed-id.js';
import { TypeOrmInstanceRepository } from '../instances/typeorm-instance.repository.js';
import { ForgottenChecks } from './forgotten-checks.js';
import { parseHealthCheck } from './health-check-input.js';
import { PostgresHealthCheckRepository } from './postgres-health-check.repository.js';

describe('checks of instances that are gone', () => {
  let database: ControlPlaneDatabase;
  let rows: InstanceRows;
  let checks: PostgresHealthCheckRepository;
  let bus: PostgresEventBus;
  let forgotten: ForgottenChecks;
  const logged: string[] = [];
  const context = (signal = new AbortController().signal) =>
    ({ signal, logger: { log: (text: string) => void logged.push(text) } }) as unknown as RunContext;

  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    const { transactions } = database;
    rows = new InstanceRows(database.dataSource);
    checks = new PostgresHealthCheckRepository(transactions);
    bus = new PostgresEventBus(new EventLog(transactions), transactions, { pollInterval: 20 });
    forgotten = new ForgottenChecks(bus, checks, new TypeOrmInstanceRepository(transactions));
  });
  beforeEach(async () => {
    logged.length = 0;
    await database.dataSource.query('DELETE FROM health_checks; TRUNCATE instances, deletions');
  });
  afterAll(async () => {
    forgotten.onApplicationShutdown();
    await bus.onModuleDestroy();
    await database.close();
  });

  const add = async (tenantId: TenantId, instanceId?: InstanceId): Promise<string> => {
    const id = newId('healthCheck');
    const request = { name: id, probe: { type: 'push' as const } };
    const settings = parseHealthCheck(request, { hasInstance: true, checkers: [] });
    await checks.insert(tenantId, { ...settings, id, instanceId });
    return id;
  };
  const left = async (tenantId: TenantId) =>
    (await checks.list(tenantId)).items.map(({ id }) => id).toSorted();
  const instance = (tenantId: TenantId) => rows.addInstance({ tenantId, age: 0 });

  it('are removed when the event comes', async () => {
    const tenantId = newId('tenant');
    const [gone, kept] = [await instance(tenantId), await instance(tenantId)];
    await add(tenantId, gone);
    const stays = await add(tenantId, kept);
    forgotten.onApplicationBootstrap();
    await bus.publish({ type: 'instance.deleted', tenantId, payload: { instanceId: gone } });
    await eventually(async () => (await left(tenantId)).length === 1);
    expect(await left(tenantId)).toEqual([stays]);
  });

  it('are removed by the sweep when nobody received the event', async () => {
    const tenantId = newId('tenant');
    const [gone, kept] = [await instance(tenantId), await instance(tenantId)];
    await add(tenantId, gone);
    await add(tenantId, gone);
    const stays = [await add(tenantId, kept), await add(tenantId)].toSorted();
    await rows.removeInstance(gone);
    await forgotten.sweep(context());
    expect(await left(tenantId)).toEqual(stays);
    expect(logged).toEqual(['Removed 2 checks of instances that were deleted']);
    await forgotten.sweep(context());
    expect(logged).toHaveLength(1);
  });

  it('stay when the rows of the instances are lost and were not deleted', async () => {
    const tenantId = newId('tenant');
    const stays = [await add(tenantId, await instance(tenantId)), await add(tenantId, newId('instance'))];
    await database.dataSource.query('TRUNCATE instances');
    await forgotten.sweep(context());
    expect(await left(tenantId)).toEqual(stays.toSorted());
  });

  it('stay when an instance that was deleted has its row again', async () => {
    const tenantId = newId('tenant');
    const [back, other] = [await instance(tenantId), await instance(tenantId)];
    const stays = [await add(tenantId, back), await add(tenantId, other)];
    await rows.removeInstance(back);
    await database.dataSource.query(
      `INSERT INTO instances (id, tenant_id, name, provider, state, labels, spec)
       VALUES ($1, $2, 'web', 'memory', 'running', '{}', '{"command": ["true"]}')`,
      [back, tenantId],
    );
    await forgotten.sweep(context());
    expect(await left(tenantId)).toEqual(stays.toSorted());
  });

  it('are swept page by page, and not on once the run is aborted', async () => {
    const tenantId = newId('tenant');
    const aborted = AbortSignal.abort(new Error('shut down'));
    const gone: InstanceId[] = [];
    for (let n = 0; n < 3; n++) gone.push(await instance(tenantId));
    const kept = await instance(tenantId);
    for (const id of [...gone, kept]) await add(tenantId, id);
    for (const id of gone)
      await database.dataSource.query(`UPDATE instances SET state = 'destroying' WHERE id = $1`, [id]);
    for (const id of gone) await rows.removeInstance(id);
    await expect(forgotten.sweep(context(aborted))).rejects.toThrow('shut down');
    expect(await left(tenantId)).toHaveLength(4);
    await forgotten.sweep(context(), 2);
    expect(await left(tenantId)).toHaveLength(1);
  });
});
