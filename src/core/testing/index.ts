export { type ContractCase } from './contract-case.js';
export { ManualClock } from './manual-clock.js';
export {
  lastingRunStoreContract,
  prunableRunStoreContract,
  runStoreContract,
  sharedRunStoreContract,
  type RunStoreSetup,
} from './run-store.contract.js';
