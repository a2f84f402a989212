import { type ContractCase } from './contract-case.js';
import { type CoordinatorSetup } from './coordinator/coordinator-bench.js';
import { enrollContract } from './coordinator/enroll.contract.js';
import { claimContract } from './coordinator/claim.contract.js';
import { heartbeatContract } from './coordinator/heartbeat.contract.js';
import { releaseContract } from './coordinator/release.contract.js';
import { controlContract } from './coordinator/control.contract.js';
import { requestContract } from './coordinator/request.contract.js';
import { requestWithoutLeaseContract } from './coordinator/request-without-lease.contract.js';
import { retryContract } from './coordinator/retry.contract.js';
import { pulseContract } from './coordinator/pulse.contract.js';
import { assertCurrentContract } from './coordinator/assert-current.contract.js';

export { type CoordinatorSetup };

/** What every `Coordinator` keeps. `setup` is called once for each case. */
export function coordinatorContract(setup: () => Promise<CoordinatorSetup>): ContractCase[] {
  return [
    ...enrollContract(setup),
    ...claimContract(setup),
    ...heartbeatContract(setup),
    ...releaseContract(setup),
    ...controlContract(setup),
    ...requestContract(setup),
    ...requestWithoutLeaseContract(setup),
    ...retryContract(setup),
    ...pulseContract(setup),
    ...assertCurrentContract(setup),
  ];
}
