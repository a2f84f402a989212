import assert from 'node:assert/strict';
import { StaleRunError } from '../../coordination/coordination.errors.js';
import { contract, type ContractCase } from '../contract-case.js';
import { B, SHORT, benchOf, type CoordinatorSetup } from './coordinator-bench.js';

/** Of a `Coordinator`: which run may still write. */
export function assertCurrentContract(setup: () => Promise<CoordinatorSetup>): ContractCase[] {
  return contract(benchOf(setup), {
    'lets the run with the last token write, and no older one': async (bench) => {
      const first = await bench.granted({ lease: SHORT });
      const held = { worker: 'w', runId: first.record.runId!, fencing: 1 };
      await bench.coordinator.assertCurrent(held, bench.manager);
      await bench.pass(SHORT + 5);
      await bench.coordinator.assertCurrent(held, bench.manager);
      await bench.granted({ ...bench.expecting(first), replica: B, target: { slot: bench.slot(1) } });
      await assert.rejects(bench.coordinator.assertCurrent(held, bench.manager), StaleRunError);
    },
  });
}
