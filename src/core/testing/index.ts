export { contract, type ContractCase } from './contract-case.js';
export { coordinatorContract, type CoordinatorSetup } from './coordinator.contract.js';
export {
  fanOutEngineContract,
  type FanOutEngineSetup,
  sharedFanOutEngineContract,
} from './fan-out-engine.contract.js';
export { incidentStoreContract, type IncidentStoreSetup } from './incident-store.contract.js';
export { ManualClock } from './manual-clock.js';
export {
  lastingRunStoreContract,
  prunableRunStoreContract,
  runStoreContract,
  sharedRunStoreContract,
  type RunStoreSetup,
} from './run-store.contract.js';
export { NoKeyError, NothingDueError, NoWorkerModuleError, RunSkippedError } from './testing.errors.js';
export { WorkerTestHarness, type WorkerTestHarnessOptions } from './worker-test-harness.js';
