import { expect, it } from '@jest/globals';
import { newId } from '../../ids/typed-id.js';
import { type ProviderInstance, type ServiceStatus } from '../provider.js';
import { BusyInstances } from './busy-instances.js';

it('calls an instance of several services unknown from the first change to the end of the last, unless it runs', async () => {
  const busy = new BusyInstances();
  const instanceId = newId('instance');
  const services: ServiceStatus[] = [];
  const exited: ProviderInstance = { instanceId, state: 'exited', labels: {}, endpoints: [], services };
  const running: ProviderInstance = { ...exited, state: 'running' };
  const alone: ProviderInstance = { instanceId, state: 'exited', labels: {}, endpoints: [] };
  expect(busy.seen(exited)).toBe(exited);
  await busy.during(instanceId, async () => {
    await busy.during(instanceId, async () => undefined);
    expect(busy.seen(exited)).toEqual({ ...exited, state: 'unknown' });
    expect(busy.seen(running)).toBe(running);
    expect(busy.seen(alone)).toBe(alone);
    const other = { ...exited, instanceId: newId('instance') };
    expect(busy.seen(other)).toBe(other);
  });
  const failing = busy.during(instanceId, () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(busy.seen(exited)).toBe(exited);
});
