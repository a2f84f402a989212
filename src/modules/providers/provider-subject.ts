import assert from 'node:assert/strict';
import { sleep } from '../../core/timing/timer.js';
import { type InstanceId, newId } from '../ids/typed-id.js';
import { type InstanceSpec, LABELS, type Provider, type ProvisionRequest } from './provider.js';

/** What the contract of providers works with. */

/** A provider to be put to the test, which holds nothing yet. */
export interface ProviderUnderTest {
  provider: Provider;
  /**
   * Something it can run: writes the line `ready` when it starts, then runs until it is told to stop. It has
   * `/bin/sh`, and the variable `GREETING` with the value `hello`.
   */
  spec: InstanceSpec;
  /** A provider of its own over the same store, as another replica has it. Absent: only one may use a store. */
  sibling?(): Provider;
  /** A provider of the same kind over another store. */
  stranger(): Promise<Provider>;
  /** A spec whose image does not exist. Absent: it takes no images. */
  missingImage?: InstanceSpec;
  /** Called when a case is over and its instances have been deprovisioned. */
  teardown?(): Promise<void>;
}

/** Longest wait for what a provider does in its own time, such as passing on a line of a log. */
const PATIENCE = 10_000;

/** The provider that `setup` gives, and requests whose instances are removed when the case is over. */
export async function subjectOf(setup: () => Promise<ProviderUnderTest>): Promise<Subject> {
  const { teardown, ...underTest } = await setup();
  const { provider, spec } = underTest;
  const ids: InstanceId[] = [];
  return {
    ...underTest,
    request: () => {
      const instanceId = newId('instance');
      ids.push(instanceId);
      const labels = { [LABELS.workload]: newId('workload'), team: 'storefront' };
      return { instanceId, tenantId: newId('tenant'), name: 'web-1', spec, labels };
    },
    teardown: async () => {
      try {
        for (const id of ids) await provider.deprovision(id);
      } finally {
        await teardown?.();
      }
    },
  };
}

export interface Subject extends ProviderUnderTest {
  /** A request for a new instance. */
  request(): ProvisionRequest;
}

/** Waits for what happens elsewhere and tells nobody. */
export async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `${what} did not come within ${PATIENCE / 1_000} s`);
    await sleep(20);
  }
}
