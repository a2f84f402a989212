import { describe, expect, it } from '@jest/globals';
import { incidentStoreContract } from '../testing/incident-store.contract.js';
import { ManualClock } from '../testing/manual-clock.js';
import { InMemoryIncidentStore } from './in-memory-incident.store.js';

describe('InMemoryIncidentStore', () => {
  const contract = incidentStoreContract(async () => {
    const clock = new ManualClock();
    const store = new InMemoryIncidentStore(clock);
    return { store, now: () => clock.now(), pass: (ms) => clock.advance(ms) };
  });
  for (const { name, run } of contract) it(name, run);

  it('keeps a thousand, and forgets the oldest that are closed', async () => {
    const store = new InMemoryIncidentStore(new ManualClock());
    const report = (subject: string) => ({ kind: 'worker', subject, condition: 'lost', summary: subject });
    await store.open(report('open'), []);
    for (let n = 0; n < 1_001; n++) {
      await store.open(report(`w${n}`), ['ops']);
      await store.close(report(`w${n}`), ['ops']);
    }
    expect(await store.find({ subject: 'open', limit: 1 })).toHaveLength(1);
    expect(await store.find({ subject: 'w0', limit: 1 })).toEqual([]);
    expect(await store.find({ limit: 1_000 })).toHaveLength(1_000);
    expect((await store.deliveries({ limit: 1_000 })).every(({ incident }) => incident)).toBe(true);
  });
});
