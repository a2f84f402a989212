import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../../test/support/eventually.js';
import { type Beat } from '../../health-checks/health-check.repository.js';
import { Presence } from './presence.js';

describe('the presence of a replica', () => {
  let beats: { answer: (beat: Beat) => void; fail: (error: Error) => void }[];
  let told: string[];
  let presence: Presence;

  beforeEach(() => {
    beats = [];
    told = [];
    presence = new Presence({
      checks: {
        beatAcrossTenants: () =>
          new Promise<Beat>((answer, fail) => {
            beats.push({ answer, fail });
          }),
        leaveAcrossTenants: async () => void told.push('left'),
      },
      replica: 'a',
      settings: { interval: 100, horizon: 60_000 },
      onLost: () => told.push('lost'),
      onTaken: (checks) => told.push(`took ${checks}`),
    });
  });
  afterEach(() => presence.leave());

  const work = (name: string) => () => void told.push(name);
  const beat = async () => (await eventually(() => beats.shift()))!;
  const started = async () => {
    const starting = presence.start();
    (await beat()).answer({ known: false, takenOver: 0 });
    await starting;
  };
  /** As after a stop of the whole process: nobody knows whether others have taken over. */
  const silent = () => Object.assign(presence, { lastBeat: performance.now() - presence.silence });

  it('starts at once what falls due soon after a beat', async () => {
    await started();
    presence.ifMine(work('due'));
    expect(told).toEqual(['due']);
  });

  it('lets what falls due in silence wait for a beat, and starts it if nobody has taken over', async () => {
    await started();
    silent();
    presence.ifMine(work('due'));
    expect(told).toEqual([]);
    (await beat()).answer({ known: true, takenOver: 0 });
    await eventually(() => told.length > 0);
    expect(told).toEqual(['due']);
  });

  it('never starts what others have taken over, and says so', async () => {
    await started();
    silent();
    presence.ifMine(work('due'));
    (await beat()).answer({ known: false, takenOver: 0 });
    await eventually(() => told.length > 0);
    presence.ifMine(work('claimed since'));
    expect(told).toEqual(['lost', 'claimed since']);
  });

  it('goes on when the store was away, and lets what falls due meanwhile wait', async () => {
    await started();
    silent();
    presence.ifMine(work('due'));
    for (let n = 0; n < 2; n++) (await beat()).fail(new Error('away'));
    (await beat()).answer({ known: true, takenOver: 3 });
    await eventually(() => told.length === 2);
    expect(told).toEqual(['due', 'took 3']);
  });

  it('begins only with a store that answers, and is left once', async () => {
    const starting = presence.start();
    (await beat()).fail(new Error('away'));
    await expect(starting).rejects.toThrow('away');
    await started();
    await presence.leave();
    expect(told).toEqual(['left']);
  });
});
