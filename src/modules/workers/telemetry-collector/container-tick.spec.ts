import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../core/testing/manual-clock.js';
import { newId } from '../../ids/typed-id.js';
import { type ListedContainer, containerName, OWN_LABELS } from '../../providers/docker/container-notes.js';
import { statsReaders } from '../../providers/docker/container-stats.js';
import { ContainerStore } from '../../providers/docker/container-store.js';
import { type DockerDaemon } from '../../providers/docker/docker-daemon.js';
import { type ContainerStats } from '../../providers/docker/engine-api.js';
import { LABELS, type Provider } from '../../providers/provider.js';
import { type Readings, ResourceCollection } from './resource-collection.js';

const NAMESPACE = 'shop';
const NEVER = Infinity;

/** A daemon whose answers take as long as the test says, in milliseconds. */
class SlowDaemon {
  /** Ids of the calls for one, and for many. */
  readonly alone: string[] = [];
  readonly together: string[][] = [];
  list = 10;
  many: (ids: readonly string[]) => number = () => 100;
  one: (id: string) => number = () => 20;
  lists = 0;

  constructor(
    private readonly clock: ManualClock,
    readonly containers: readonly ListedContainer[],
  ) {}

  readonly daemon = {
    containers: (_label: string | undefined, signal?: AbortSignal) => {
      this.lists++;
      return this.after(this.list, [...this.containers], signal);
    },
    stats: (id: string, signal?: AbortSignal) => {
      this.alone.push(id);
      return this.after(this.one(id), this.reading(), signal);
    },
    statsOfMany: (ids: readonly string[], signal?: AbortSignal) => {
      this.together.push([...ids]);
      return this.after(this.many(ids), new Map(ids.map((id) => [id, this.reading()])), signal);
    },
  } as unknown as DockerDaemon;

  private reading(): ContainerStats {
    const read = new Date(this.clock.now()).toISOString();
    return { read, memory_stats: { usage: 1_000 } };
  }

  private after<T>(milliseconds: number, answer: T, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error));
      if (milliseconds !== NEVER) this.clock.setTimer(() => resolve(answer), milliseconds);
    });
  }
}

function container(): ListedContainer {
  const id = newId('instance');
  const spec = { image: 'web:1', command: ['main'] };
  const record = { tenantId: newId('tenant'), name: 'web', labels: {}, spec, ports: {} };
  return {
    Id: `c-${id}`,
    Names: [`/${containerName(NAMESPACE, id, 'current')}`],
    Image: 'web:1',
    ImageID: 'sha256:1',
    State: 'running',
    Status: 'Up 2 minutes',
    Labels: {
      [LABELS.instance]: id,
      [OWN_LABELS.record]: JSON.stringify(record),
      [OWN_LABELS.startedAt]: '0',
    },
  };
}

describe('a tick of 5 s over 200 containers of a slow daemon', () => {
  let clock: ManualClock;
  let slow: SlowDaemon;
  let collection: ResourceCollection;
  let provider: Provider;
  let hanging: string;

  beforeEach(async () => {
    clock = new ManualClock();
    slow = new SlowDaemon(
      clock,
      Array.from({ length: 200 }, () => container()),
    );
    hanging = slow.containers[3]!.Id;
    const settings = { name: 'docker', namespace: NAMESPACE };
    const store = new ContainerStore(slow.daemon, settings, '127.0.0.1', clock);
    provider = {
      statsReaders: (signal?: AbortSignal) => statsReaders(slow.daemon, store, signal, clock),
    } as Provider;
    const limits = { concurrency: 8, timeout: 5_000, interval: 10_000, spread: 5_000 };
    collection = new ResourceCollection(limits, clock);
    expect((await tick()).stats).toHaveLength(200);
    expect(slow.alone).toEqual([]);
    slow.together.length = 0;
  });

  /** The rest of an interval passes as well. */
  const tick = async (): Promise<Readings> => {
    const readings = collection.read({ name: 'docker', provider }, new AbortController().signal);
    readings.catch(() => undefined);
    await clock.advance('10s');
    return readings;
  };

  it('reads all others when the reading of one hangs, by the calls for many but those of its call', async () => {
    slow.many = (ids) => (ids.includes(hanging) ? NEVER : 500);
    slow.one = (id) => (id === hanging ? NEVER : 20);
    const { stats, failures } = await tick();
    expect([stats.length, failures.length]).toEqual([199, 1]);
    expect(slow.alone).toHaveLength(25);
  });

  it('reads all others when the list and all calls for many hang as well', async () => {
    slow.list = NEVER;
    slow.many = () => NEVER;
    slow.one = (id) => (id === hanging ? NEVER : 50);
    const { stats, failures } = await tick();
    expect([stats.length, failures.length]).toEqual([199, 1]);
  });

  it('keeps what it could read, and reads each within a few ticks', async () => {
    slow.list = 14_000;
    slow.many = () => NEVER;
    slow.one = (id) => (id === hanging ? NEVER : 500);
    const read = new Set<string>();
    for (let ticks = 0; ticks < 12; ticks++) {
      const { stats, failures } = await tick();
      expect(stats.length).toBeGreaterThan(25);
      expect(stats.length + failures.length).toBe(200);
      for (const { instanceId } of stats) read.add(instanceId);
    }
    expect(read.size).toBe(199);
  });

  it('has the answer of a call for many that comes late, though calls for one hang', async () => {
    slow.many = () => 1_900;
    slow.one = () => NEVER;
    const { stats } = await tick();
    // Four calls were begun in the time: two at once, and two a second later.
    expect(stats.length).toBeGreaterThanOrEqual(100);
  });

  it('has the answers of the calls for many though eight readings hang, one of each call', async () => {
    const hung = new Set(slow.containers.filter((_, place) => place % 25 === 0).map(({ Id }) => Id));
    const hangs = (ids: readonly string[]) => (ids.some((id) => hung.has(id)) ? NEVER : 100);
    slow.many = hangs;
    slow.one = (id) => (hung.has(id) ? NEVER : 20);
    const first = await tick();
    expect(first.stats.length + first.failures.length).toBe(200);
    slow.together.length = 0;
    // Those that hung are asked for last, and so by one call.
    expect((await tick()).stats).toHaveLength(192);
    expect(slow.together.filter((ids) => hangs(ids) === NEVER)).toHaveLength(1);
  });

  it('asks a daemon that takes long to list for nothing else half of the time', async () => {
    slow.list = 8_000;
    for (let ticks = 0; ticks < 4; ticks++) expect((await tick()).stats).toHaveLength(200);
    expect(slow.lists).toBe(3);
  });
});
