import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { asSystem, type ControlPlane, startControlPlane } from '../../../test/support/control-plane.js';
import { type TenantId } from '../ids/typed-id.js';
import { InstanceRepository } from '../instances/instance.repository.js';
import { ServiceInstanceAccess } from './service-instance-access.js';

let plane: ControlPlane;
let tenantId: TenantId;
let access: ServiceInstanceAccess;

beforeAll(async () => {
  plane = await startControlPlane();
  ({ id: tenantId } = await asSystem(() => plane.tenants.create({ name: 'acme' })));
  access = new ServiceInstanceAccess(plane.repository(InstanceRepository), plane.instances, plane.providers);
});
afterAll(() => plane.stop());

it('restarts an instance that runs, and none that was stopped while a check of it was running', async () => {
  const request = { name: 'web', provider: 'memory', spec: { command: ['true'] } };
  const { id } = await asSystem(() => plane.instances.create(tenantId, request));
  const { signal } = new AbortController();
  const calls = () => plane.provider.done.map((call) => call.split(' ')[0]);
  await asSystem(() => access.restart(tenantId, id, signal));
  expect(calls()).toEqual(['provision', 'restart']);
  await asSystem(() => plane.instances.stop(tenantId, id));
  await asSystem(() => access.restart(tenantId, id, signal));
  expect(calls()).toEqual(['provision', 'restart', 'stop']);
  expect(await asSystem(() => plane.instances.get(tenantId, id))).toMatchObject({ state: 'stopped' });
});
