import { describe, it } from '@jest/globals';
import { certificateIssuerContract } from '../issuer.contract.js';
import { SimulatedCa } from './simulated-ca.js';

describe('SimulatedCa', () => {
  const issuer = new SimulatedCa();
  let number = 0;
  const hostName = () => `host-${++number}.example.test`;
  for (const { name, run } of certificateIssuerContract(() => ({ issuer, hostName }))) it(name, run);
});
