import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../core/testing/manual-clock.js';
import { newId } from '../../ids/typed-id.js';
import { type HeldInstance } from './container-reading.js';
import { RecentInstances } from './recent-instances.js';

const held = (): HeldInstance => ({ instanceId: newId('instance'), services: [], main: undefined });

/** A store whose lists are answered when the test says so. */
function slowStore() {
  const lists: PromiseWithResolvers[] = [];
  return {
    lists,
    all: () => new Promise<HeldInstance[]>((resolve, reject) => void lists.push({ resolve, reject })),
  };
}

interface PromiseWithResolvers {
  resolve(all: HeldInstance[]): void;
  reject(error: Error): void;
}

/** With a list that was answered at once. */
async function listedOnce() {
  const [store, clock, first] = [slowStore(), new ManualClock(), [held()]];
  const recent = new RecentInstances(store, clock);
  const asked = recent.all();
  store.lists[0]!.resolve(first);
  await asked;
  return { store, clock, recent, first };
}

describe('the recent instances of a daemon', () => {
  it('are those of the list, where it comes in time', async () => {
    const store = slowStore();
    const recent = new RecentInstances(store);
    for (const all of [[held()], [held(), held()], []]) {
      const asked = recent.all();
      store.lists.at(-1)!.resolve(all);
      expect(await asked).toBe(all);
    }
    expect(store.lists).toHaveLength(3);
  });

  it('are those of the list before, where it does not come within a second; it is for the next one who asks', async () => {
    const { store, clock, recent, first } = await listedOnce();
    const asked = recent.all();
    await clock.advance('1s');
    expect(await asked).toBe(first);
    const second = [held(), held()];
    store.lists[1]!.resolve(second);
    await clock.advance('2s');
    const again = recent.all();
    store.lists[2]!.resolve(second);
    expect(await again).toBe(second);
  });

  it('are not waited for a second time where a list takes longer: there is one at a time', async () => {
    const { store, clock, recent, first } = await listedOnce();
    const asked = recent.all();
    await clock.advance('1s');
    await asked;
    expect(await recent.all()).toBe(first);
    await clock.advance('10s');
    expect(await recent.all()).toBe(first);
    expect(store.lists).toHaveLength(2);
  });

  it('are not listed anew for as long as a slow list took', async () => {
    const { store, clock, recent } = await listedOnce();
    const asked = recent.all();
    await clock.advance('8s');
    await asked;
    const second = [held(), held()];
    store.lists[1]!.resolve(second);
    await clock.advance('7s');
    expect(await recent.all()).toBe(second);
    expect(store.lists).toHaveLength(2);
    await clock.advance('1s');
    const again = recent.all();
    store.lists[2]!.resolve([]);
    expect(await again).toEqual([]);
  });

  it('are waited for as long as the caller likes where there was no list before, and the list goes on without the caller', async () => {
    const store = slowStore();
    const recent = new RecentInstances(store);
    const given = new AbortController();
    const asked = recent.all(given.signal);
    given.abort(new Error('no time left'));
    await expect(asked).rejects.toThrow('no time left');
    const again = recent.all();
    const all = [held()];
    store.lists[0]!.resolve(all);
    expect(await again).toBe(all);
    expect(store.lists).toHaveLength(1);
  });

  it('are not known when the daemon refuses to list them, and are asked for anew', async () => {
    const store = slowStore();
    const recent = new RecentInstances(store);
    const asked = recent.all();
    store.lists[0]!.reject(new Error('the daemon is away'));
    await expect(asked).rejects.toThrow('the daemon is away');
    const again = recent.all();
    store.lists[1]!.resolve([]);
    expect(await again).toEqual([]);
  });
});
