import { describe, expect, it } from '@jest/globals';
import { newId } from '../ids/typed-id.js';
import { type Instance } from '../instances/instance.js';
import { InstanceReadiness } from '../instances/readiness.js';
import { type CheckState, initialState } from './check-state.js';
import { HealthReadiness } from './health-readiness.js';
import { parseHealthCheck } from './health-check-input.js';
import { InMemoryHealthCheckRepository } from './in-memory/in-memory-health-check.repository.js';

describe('the readiness of an instance that has checks', () => {
  const at = async (...states: (Partial<CheckState> | undefined)[]) => {
    const checks = new InMemoryHealthCheckRepository();
    const now = new Date();
    const readiness = new InstanceReadiness({ now: async () => now } as never);
    new HealthReadiness(readiness, checks).onModuleInit();
    const instance = { id: newId('instance'), state: 'running', desiredState: 'running', stateSince: now };
    for (const [n, state] of states.entries()) {
      const settings = parseHealthCheck(
        { name: `check ${n}`, probe: { type: 'http' } },
        { hasInstance: true, checkers: [] },
      );
      const id = newId('healthCheck');
      await checks.insert(newId('tenant'), { ...settings, id, instanceId: instance.id });
      const lease = new Date(Date.now() + 60_000);
      if (state)
        await checks.storeStatesAcrossTenants([
          { checkId: id, revision: 1, version: 0, lease, state: { ...initialState(0), ...state } },
        ]);
    }
    const all = [instance as Instance];
    const ready = (await readiness.ready(all, 60_000)).size === 1;
    return [ready, (await readiness.reasonAgainst(all))?.replace(instance.id, 'it')];
  };

  it.each<[string, (Partial<CheckState> | undefined)[], unknown[]]>([
    ['all healthy', [{ status: 'healthy' }, { status: 'healthy' }], [true, undefined]],
    ['degraded', [{ status: 'degraded' }], [true, undefined]],
    [
      'one unhealthy',
      [{ status: 'healthy' }, { status: 'unhealthy' }],
      [false, 'it: its check "check 1" is unhealthy'],
    ],
    ['not asked yet', [undefined], [false, 'it: its check "check 0" is starting']],
    ['starting', [{ status: 'starting' }], [false, 'it: its check "check 0" is starting']],
    ['unknown, healthy before', [{ status: 'unknown', told: 'healthy' }], [true, undefined]],
    [
      'unknown, unhealthy before',
      [{ status: 'unknown', told: 'unhealthy' }],
      [false, 'it: its check "check 0" is unknown'],
    ],
    ['unknown from the start', [{ status: 'unknown' }], [false, 'it: its check "check 0" is unknown']],
    ['without checks', [], [false, undefined]],
  ])('%s', async (_, states, expected) => {
    expect(await at(...states)).toEqual(expected);
  });
});
