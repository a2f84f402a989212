import { type ContractCase } from '../../core/testing/contract-case.js';
import { changedSchedules } from './changed-schedules.contract.js';
import { claimedSchedules } from './claimed-schedules.contract.js';
import { type SetupScheduleStore } from './schedule-store-cases.js';
import { storedSchedules } from './stored-schedules.contract.js';

export { type ScheduleStoreSetup } from './schedule-store-cases.js';

/** What every `ScheduleStore` keeps. `setup` is called by each case. */
export function scheduleStoreContract(setup: SetupScheduleStore): ContractCase[] {
  return [...storedSchedules(setup), ...claimedSchedules(setup), ...changedSchedules(setup)];
}
