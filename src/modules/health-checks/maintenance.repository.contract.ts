import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { newId } from '../ids/typed-id.js';
import { type MaintenanceTimes } from './maintenance.js';
import { type MaintenanceRepository } from './maintenance.repository.js';

const DAY = 86_400_000;

/** What every `MaintenanceRepository` keeps. */
export function maintenanceRepositoryContract(setup: () => MaintenanceRepository): ContractCase[] {
  const once = (from: number, until: number): MaintenanceTimes => ({
    kind: 'once',
    from: new Date(Date.now() + from),
    until: new Date(Date.now() + until),
  });
  const recurring: MaintenanceTimes = {
    kind: 'recurring',
    cron: '0 3 * * *',
    timeZone: 'UTC',
    duration: 60_000,
  };

  return contract(setup, {
    'keeps maintenance windows as they were given, and lists them page by page': async (repository) => {
      const tenantId = newId('tenant');
      const checkId = newId('healthCheck');
      const first = await repository.insert(tenantId, {
        id: newId('maintenanceWindow'),
        checkId,
        times: once(0, DAY),
        reason: 'disk',
      });
      const second = await repository.insert(tenantId, {
        id: newId('maintenanceWindow'),
        times: recurring,
        reason: '',
      });
      assert.equal(first.reason, 'disk');
      const page = await repository.list(tenantId, { limit: 1 });
      assert.deepEqual(page.items, [first]);
      const rest = await repository.list(tenantId, { after: page.next });
      assert.deepEqual([rest.items, rest.next], [[second], undefined]);
      assert.deepEqual(rest.items[0]!.times, recurring);
    },
    'gives those that are on or may be, of all tenants, and forgets what is removed': async (repository) => {
      const tenantId = newId('tenant');
      const insert = (times: MaintenanceTimes) =>
        repository.insert(tenantId, { id: newId('maintenanceWindow'), times, reason: '' });
      const on = await insert(once(-DAY, DAY));
      const later = await insert(once(DAY, 2 * DAY));
      const again = await insert(recurring);
      await insert(once(-2 * DAY, -DAY));
      const current = async () =>
        (await repository.currentAcrossTenants())
          .filter((window) => window.tenantId === tenantId)
          .map(({ id }) => id)
          .sort();
      assert.deepEqual(await current(), [on.id, later.id, again.id].sort());
      assert.equal(await repository.delete(newId('tenant'), on.id), false);
      assert.equal(await repository.delete(tenantId, on.id), true);
      assert.deepEqual(await current(), [later.id, again.id].sort());
      await assert.rejects(repository.delete(tenantId, 'mnt_x'), InvalidIdError);
    },
  });
}
