import { expect, it } from '@jest/globals';
import { IMAGE } from '../../../../test/support/container-daemon.js';
import { describeWith } from '../../../../test/support/needs.js';
import { requestOf, UnreliableDaemon } from '../../../../test/support/unreliable-daemon.js';
import { type InstanceStats } from '../provider.js';

/** Longest for a case: a loaded machine starts a container in seconds. */
const LIMIT = 180_000;

describeWith('podman', 'readings of the containers of Podman', () => {
  const own = UnreliableDaemon.ofSuite('podman');
  const start = async () => {
    const { instanceId } = await own.provider.provision(
      requestOf({ image: IMAGE, command: ['/bin/sleep', '3600'] }),
    );
    return instanceId;
  };
  const readings = () => own.proxy.calls.filter((call) => call.endsWith('/stats'));
  const ids = (all: readonly InstanceStats[]) => all.map(({ instanceId }) => instanceId).sort();

  it(
    'take one call',
    async () => {
      const started = [await start(), await start(), await start()].sort();
      own.proxy.calls.length = 0;
      const all = await own.provider.stats();
      expect(ids(all)).toEqual(started);
      expect(readings()).toHaveLength(1);
      for (const { cpuSeconds, memoryWorkingSetBytes, processes } of all) {
        expect(cpuSeconds).toBeGreaterThan(0);
        expect(memoryWorkingSetBytes).toBeGreaterThan(0);
        expect(processes).toBeGreaterThan(0);
      }
    },
    LIMIT,
  );

  it(
    'are there of the others when one has ended between the list and its reading',
    async () => {
      const [lasting, ended] = [await start(), await start()];
      const readers = await own.provider.statsReaders();
      await own.provider.stop(ended);
      const all = await Promise.all(
        readers.map(async ({ readTogether, read }) => (await readTogether!()) ?? read()),
      );
      expect(ids(all.filter((one) => one !== undefined))).toEqual([lasting]);
    },
    LIMIT,
  );

  it.each(['refuse', 'hang up', 'half', 'hang'] as const)(
    'are asked for one by one when the call for all fails (%s), and tell as much',
    async (treatment) => {
      const started = [await start(), await start()].sort();
      const before = await own.provider.stats();
      own.proxy.treat = (call) => {
        if (!call.includes('/libpod/')) return 'pass';
        return treatment === 'hang' ? new Promise(() => {}) : treatment;
      };
      own.proxy.calls.length = 0;
      const all = await own.provider.stats();
      expect(ids(all)).toEqual(started);
      expect(readings()).toHaveLength(3);
      const known = (stats: readonly InstanceStats[]) =>
        Object.entries(stats[0]!).map(([key, value]) => [key, value === null]);
      expect(known(all)).toEqual(known(before));
    },
    LIMIT,
  );

  it(
    'do not say that nothing was throttled, as the daemon does not know',
    async () => {
      await start();
      const [together] = await own.provider.stats();
      own.proxy.treat = (call) => (call.includes('/libpod/') ? 'refuse' : 'pass');
      const [alone] = await own.provider.stats();
      expect([together!.cpuThrottledSeconds, alone!.cpuThrottledSeconds]).toEqual([null, null]);
    },
    LIMIT,
  );
});
