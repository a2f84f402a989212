import { describe, it } from '@jest/globals';
import { coordinatorContract } from '../testing/coordinator.contract.js';
import { ManualClock } from '../testing/manual-clock.js';
import { LocalCoordinator } from './local.coordinator.js';

describe('LocalCoordinator', () => {
  const setup = async () => {
    const clock = new ManualClock();
    return {
      coordinator: new LocalCoordinator(clock),
      pass: async (ms: number) => clock.block(ms),
      manager: { query: async () => [] },
    };
  };
  for (const { name, run } of coordinatorContract(setup)) it(name, run);
});
