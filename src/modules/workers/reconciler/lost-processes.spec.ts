import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { type Replica, startReplica } from '../../../../test/support/reconciler.js';
import { temporaryDirectories } from '../../../../test/support/temporary-directory.js';
import { newId } from '../../ids/typed-id.js';
import { ProcessProvider } from '../../providers/process/process.provider.js';

let database: { url: string; drop(): Promise<void> };
let provider: ProcessProvider;
let replica: Replica;

beforeEach(async () => {
  database = await createControlPlaneDatabase();
  provider = new ProcessProvider({ directory: await directories() });
  replica = await startReplica(database.url, [provider]);
});
afterEach(async () => {
  for (const { instanceId } of await provider.list()) await provider.deprovision(instanceId);
  await replica.stop();
  await database.drop();
});

// After what is in them was removed.
const directories = temporaryDirectories();

it('processes whose rows are lost go on as they are, and have their rows again', async () => {
  const { id: tenantId } = await asSystem(() => replica.tenants.create({ name: 'acme' }));
  const spec = { command: ['sleep', '3600'], env: { NAME: 'web' }, ports: [{ name: 'http', env: 'PORT' }] };
  const { id } = await asSystem(() =>
    replica.workloads.create(tenantId, { name: 'web', provider: 'process', spec, replicas: 2 }),
  );
  const rows = () =>
    replica.dataSource.query<unknown[]>(
      `SELECT id, workload_id, state, ref, name, labels, spec, spec_hash, endpoints, provider_store
       FROM instances ORDER BY id`,
    );
  const before = await rows();
  await replica.dataSource.query('TRUNCATE instances');
  await asSystem(() => replica.workloads.converge(tenantId, id));
  for (const worker of ['instance_drift', 'reconciler', 'instance_drift']) await replica.run(worker);
  expect(await rows()).toEqual(before);
  expect(await provider.list()).toHaveLength(2);
});

it('a process provider knows what an instance was made from while it has it, and of none else', async () => {
  const request = {
    instanceId: newId('instance'),
    tenantId: newId('tenant'),
    name: 'web',
    labels: { team: 'storefront' },
    spec: { command: ['sleep', '3600'] },
  };
  expect(await provider.notes(request.instanceId)).toBeUndefined();
  await provider.provision(request);
  await provider.stop(request.instanceId);
  expect(await provider.notes(request.instanceId)).toMatchObject(request);
  await provider.deprovision(request.instanceId);
  expect(await provider.notes(request.instanceId)).toBeUndefined();
});
