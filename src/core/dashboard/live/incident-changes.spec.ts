import { describe, expect, it } from '@jest/globals';
import { Subject } from 'rxjs';
import { type Incident } from '../../history/incident.js';
import { type WorkerEvent } from '../../scheduler/worker-events.js';
import { IncidentChanges } from './incident-changes.js';

const incident = (id: string) => ({ id }) as Incident;

describe('changes of incidents', () => {
  const told = new Subject<WorkerEvent>();
  const happens = () =>
    told.next({ type: 'incident.opened', worker: 'w', incident: incident('of this replica') });

  let looks: number;
  async function changesOf(open: () => Incident[], judged = true): Promise<IncidentChanges> {
    looks = 0;
    const find = async () => (looks++, open());
    const changes = new IncidentChanges({ find, silences: async () => [] }, { events$: told, judged });
    await changes.start();
    return changes;
  }

  it('are seen at once after an event of this replica, and otherwise by a look every three seconds', async () => {
    let open = [incident('a')];
    const changes = await changesOf(() => open);
    open = [];
    expect([await changes.take(), looks]).toEqual([false, 1]);
    happens();
    expect([await changes.take(), looks]).toEqual([true, 2]);
    happens();
    expect([await changes.take(), looks]).toEqual([false, 3]);
    changes.stop();
  });

  it('are seen afterwards when the store could not be read', async () => {
    let open = (): Incident[] => [incident('a')];
    const changes = await changesOf(() => open());
    open = () => {
      throw new Error('away');
    };
    happens();
    expect(await changes.take()).toBe(false);
    open = () => [incident('a'), incident('b')];
    happens();
    expect(await changes.take()).toBe(true);
    changes.stop();
  });

  it('are not looked for where nobody judges', async () => {
    const changes = await changesOf(() => [], false);
    happens();
    expect([await changes.take(), looks]).toEqual([false, 0]);
    changes.stop();
  });
});
