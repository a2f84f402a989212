import { describe, it } from '@jest/globals';
import { fanOutEngineContract } from '../testing/fan-out-engine.contract.js';
import { SystemClock } from '../timing/clock.js';
import { LocalFanOutEngine } from './local.engine.js';

describe('LocalFanOutEngine', () => {
  const contract = fanOutEngineContract(async () => ({
    engine: () => new LocalFanOutEngine(new SystemClock()),
  }));
  for (const { name, run } of contract) it(name, run);
});
