import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { asSystem } from '../../../test/support/control-plane.js';
import { InMemoryProvider } from '../../../test/support/in-memory-provider.js';
import { type Replica, startReplica } from '../../../test/support/reconciler.js';
import { type TenantId } from '../../modules/ids/typed-id.js';
import { ProviderRegistry } from '../../modules/providers/provider.registry.js';
import { ProviderStores } from '../../modules/providers/provider-stores.js';
import { DriftRepository } from '../../modules/workers/reconciler/drift.repository.js';
import { InstancesIndicator } from './instances.indicator.js';

describe('the health of instances', () => {
  let database: { url: string; drop(): Promise<void> };
  let provider: InMemoryProvider;
  let replica: Replica;
  let tenantId: TenantId;

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    provider = new InMemoryProvider();
    replica = await startReplica(database.url, [provider], {}, { imports: [TerminusModule] });
    tenantId = (await asSystem(() => replica.tenants.create({ name: 'acme' }))).id;
  });
  afterAll(async () => {
    await replica.stop();
    await database.drop();
  });
  beforeEach(async () => {
    await replica.dataSource.query('TRUNCATE instances, workloads');
    provider.running.clear();
  });

  const create = (replicas: number) =>
    asSystem(() =>
      replica.workloads.create(tenantId, {
        name: 'web',
        provider: 'memory',
        spec: { command: ['true'] },
        replicas,
      }),
    );
  /** Each time a new one, which has nothing from before. */
  const health = async (drift = replica.find(DriftRepository)) => {
    const indicator = new InstancesIndicator(
      replica.find(HealthIndicatorService),
      replica.find(ProviderRegistry),
      replica.find(ProviderStores),
      drift,
    );
    return (await indicator.isHealthy('instances')).instances;
  };

  it('is up while what is to run does, and nothing is to run', async () => {
    expect(await health()).toEqual({ status: 'up', running: 0, wanted: 0 });
    await create(2);
    expect(await health()).toEqual({ status: 'up', running: 2, wanted: 2 });
  });

  it('is degraded when the provider knows nothing of one, and when one has ended', async () => {
    await create(3);
    const [gone, ended] = [...provider.running.keys()];
    provider.running.delete(gone!);
    provider.running.set(ended!, { ...provider.running.get(ended!)!, state: 'exited' });
    expect(await health()).toMatchObject({
      status: 'degraded',
      running: 1,
      wanted: 3,
      troubled: expect.arrayContaining([
        { instanceId: gone, state: 'missing' },
        { instanceId: ended, state: 'exited' },
      ]),
    });
  });

  it('is degraded while rows are missing, whatever runs without one', async () => {
    await create(2);
    await replica.dataSource.query('TRUNCATE instances');
    expect(await health()).toEqual({ status: 'degraded', running: 0, wanted: 2 });
  });

  it('leaves out instances that are to be stopped, and instances that are being deleted', async () => {
    await create(3);
    const { items } = await asSystem(() => replica.instances.list(tenantId));
    await asSystem(() => replica.instances.stop(tenantId, items[0]!.id));
    await replica.dataSource.query(`UPDATE instances SET state = 'destroying' WHERE id = $1`, [items[1]!.id]);
    await replica.dataSource.query('UPDATE workloads SET replicas = 2');
    expect(await health()).toEqual({ status: 'up', running: 1, wanted: 1 });
  });

  it('says what the provider says while the database does not answer', async () => {
    await create(2);
    const away = { rowsAcrossTenants: () => Promise.reject(new Error('away')) } as unknown as DriftRepository;
    expect(await health(away)).toEqual({ status: 'up', running: 2, wanted: 2 });
    const hanging = { rowsAcrossTenants: () => new Promise(() => undefined) } as unknown as DriftRepository;
    expect(await health(hanging)).toEqual({ status: 'up', running: 2, wanted: 2 });
  });

  it('is degraded with the reason when the provider does not answer', async () => {
    provider.beforeList = () => Promise.reject(new Error('the daemon is away'));
    expect(await health()).toMatchObject({ status: 'degraded', reason: 'the daemon is away' });
    provider.beforeList = async () => undefined;
  });
});
