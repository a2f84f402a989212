import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { asSystem } from '../../../test/support/control-plane.js';
import { eventually } from '../../../test/support/eventually.js';
import { InMemoryProvider } from '../../../test/support/in-memory-provider.js';
import { type Replica, startReplica } from '../../../test/support/reconciler.js';
import { EventsModule } from '../../modules/events/events.module.js';
import { HealthModule } from '../../modules/health-checks/health.module.js';
import { HealthService } from '../../modules/health-checks/health.service.js';
import { type InstanceId, type TenantId } from '../../modules/ids/typed-id.js';
import { InstancesModule } from '../../modules/instances/instances.module.js';
import { InstanceReadiness } from '../../modules/instances/readiness.js';
import { type Workload } from '../../modules/workloads/workload.js';
import { FleetChecks } from './fleet-checks.js';

const CHECKS = [
  { name: 'alive', interval: '1h', probe: { type: 'push' } },
  { name: 'ready', interval: '1h', probe: { type: 'push' } },
] as const;

describe('the checks of a fleet file', () => {
  let database: { url: string; drop(): Promise<void> };
  let replica: Replica;
  let checks: FleetChecks;
  let tenantId: TenantId;
  let workload: Workload;

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    replica = await startReplica(
      database.url,
      [new InMemoryProvider()],
      {},
      { imports: [EventsModule, InstancesModule, HealthModule.forRoot()], providers: [FleetChecks] },
    );
    checks = replica.find(FleetChecks);
    ({ id: tenantId } = await asSystem(() => replica.tenants.create({ name: 'acme' })));
    workload = await asSystem(() =>
      replica.workloads.create(tenantId, {
        name: 'web',
        provider: 'memory',
        spec: { command: ['web'] },
        replicas: 2,
        rollout: { minReady: 0 },
      }),
    );
  });
  afterEach(async () => {
    await replica.stop();
    await database.drop();
  });

  const instances = async () =>
    (await asSystem(() => replica.instances.list(tenantId, { workloadId: workload.id }))).items;
  const declare = (declared: readonly object[] = CHECKS) =>
    asSystem(async () =>
      checks.declare(
        tenantId,
        workload.id,
        (async function* () {
          yield* await instances();
        })(),
        declared as never,
      ),
    );
  const checksOf = async (instanceId: InstanceId) =>
    (await asSystem(() => replica.find(HealthService).listChecks(tenantId, { instanceId }))).items;
  const namesOf = async (id: InstanceId) => (await checksOf(id)).map(({ name }) => name);

  it('are given to every instance that is there', async () => {
    await declare();
    for (const { id } of await instances()) expect(await namesOf(id)).toEqual(['alive', 'ready']);
  });

  it('are given to those that are made later, which are not ready before', async () => {
    await declare();
    const before = (await instances()).map(({ id }) => id);
    await asSystem(() => replica.workloads.scale(tenantId, workload.id, 3));
    const added = (await instances()).find(({ id }) => !before.includes(id))!;
    await eventually(async () => (await namesOf(added.id)).length === 2);
    const reason = await replica.find(InstanceReadiness).reasonAgainst([added]);
    expect(reason).toBe(`${added.id}: its check "alive" is starting`);
    const unknown = { ...added, id: before[0]!.replace(/.{4}$/, 'zzzz') as InstanceId };
    expect(await replica.find(InstanceReadiness).reasonAgainst([unknown])).toContain(
      'it has not got its checks yet',
    );
  });

  it('are changed to what the file says when it is read again, and made no second time', async () => {
    await declare();
    const [first] = await instances();
    const ids = (await checksOf(first!.id)).map(({ id }) => id);
    await declare([{ ...CHECKS[0], interval: '2h' }, CHECKS[1]]);
    expect((await checksOf(first!.id)).map(({ id, interval }) => [id, interval])).toEqual([
      [ids[0], 7_200_000],
      [ids[1], 3_600_000],
    ]);
  });

  it('take the default again for what the file does not say any more', async () => {
    await declare([{ ...CHECKS[0], failureThreshold: 7 }]);
    const [first] = await instances();
    expect((await checksOf(first!.id))[0]).toMatchObject({ failureThreshold: 7 });
    await declare([CHECKS[0]]);
    expect((await checksOf(first!.id))[0]).toMatchObject({ failureThreshold: 3 });
  });

  it('keep nothing back where a workload has none', async () => {
    await declare([]);
    const all = await instances();
    expect(await replica.find(InstanceReadiness).reasonAgainst(all)).toBeUndefined();
    expect(await replica.find(InstanceReadiness).ready(all, 0)).toHaveProperty('size', 2);
  });
});
