import pLimit from 'p-limit';
import { type Clock } from '../../../core/timing/clock.js';
import { sleep } from '../../../core/timing/timer.js';
import { type InstanceStats, type Resources, type StatsReader } from '../provider.js';
import { programOf } from '../services/service-programs.js';
import { MAIN } from '../services/service-spec.js';
import { type ServiceReadings, sumByInstance } from '../services/service-stats.js';
import { BatchedStats } from './batched-stats.js';
import { type ContainerRecord, OWN_LABELS, type OwnContainer, readRecord } from './container-notes.js';
import { type HeldContainers, type HeldInstance, isRunning } from './container-reading.js';
import { type ContainerStore } from './container-store.js';
import { type DockerDaemon } from './docker-daemon.js';
import { isConflict, isMissing } from './docker-failure.js';
import { type ContainerStats } from './engine-api.js';

const NANOSECONDS = 1e9;

/** Instances read at a time. */
const AT_ONCE = 8;

/** Milliseconds between two readings, of which a rate is made. */
const TICK = 250;

/** Beyond all memory there is: how the kernel says that there is no limit. */
const NO_LIMIT = 2 ** 53;

/** Of each instance that runs, the sum of its services. A daemon that takes long to list them is asked for those of a moment ago. */
export async function statsReaders(
  daemon: DockerDaemon,
  store: ContainerStore,
  signal?: AbortSignal,
  clock?: Clock,
): Promise<StatsReader[]> {
  return readersOf(daemon, store, await store.recent.all(signal), signal, clock);
}

function readersOf(
  daemon: DockerDaemon,
  store: ContainerStore,
  all: readonly HeldInstance[],
  signal?: AbortSignal,
  clock?: Clock,
): StatsReader[] {
  const instances = all
    .map(({ instanceId, services }) => ({ instanceId, running: services.filter(isRunningService) }))
    .filter(({ running }) => running.length > 0);
  const stats = new BatchedStats(daemon, signal, clock);
  return instances.map(({ instanceId, running }) => ({
    instanceId,
    readTogether: async (own?: AbortSignal): Promise<InstanceStats | undefined> => {
      const ask = ({ present }: HeldContainers) => stats.together(present.container.Id, own);
      const found = await Promise.all(running.map(ask));
      if (found.includes(undefined)) return undefined;
      return sumByInstance(running.flatMap((held, at) => toReadings(held, found[at])))[0];
    },
    read: (own?: AbortSignal): Promise<InstanceStats | undefined> =>
      store.ask(async () => {
        const readings = await Promise.all(running.map((held) => readService(stats, held, own)));
        return sumByInstance(readings.flat())[0];
      }, own),
  }));
}

/** Of everything that runs. */
export async function readStats(
  daemon: DockerDaemon,
  store: ContainerStore,
  signal?: AbortSignal,
): Promise<InstanceStats[]> {
  const turns = pLimit(AT_ONCE);
  const readers = readersOf(daemon, store, await store.all(signal), signal);
  const all = await Promise.all(
    readers.map(async ({ readTogether, read }) => (await readTogether!(signal)) ?? turns(() => read(signal))),
  );
  return all.filter((stats) => stats !== undefined);
}

function isRunningService({ present }: HeldContainers): boolean {
  return isRunning(present.container);
}

/** @returns nothing when it has ended meanwhile */
async function readService(
  all: BatchedStats,
  held: HeldContainers,
  signal?: AbortSignal,
): Promise<ServiceReadings[]> {
  try {
    return toReadings(held, await all.alone(held.present.container.Id, signal));
  } catch (error) {
    if (isMissing(error) || isConflict(error)) return [];
    throw error;
  }
}

/** @returns nothing of one that has ended */
function toReadings(
  { service, present }: HeldContainers,
  stats: ContainerStats | undefined,
): ServiceReadings[] {
  const record = readRecord(present.container);
  return record && stats && isReading(stats)
    ? [{ service, stats: toInstanceStats(present, record, stats) }]
    : [];
}

function toInstanceStats(
  { container, instanceId, service }: OwnContainer,
  { tenantId, labels, spec, scaled }: ContainerRecord,
  stats: ContainerStats,
): InstanceStats {
  const limits = { ...programOf(spec, service).limits, ...(service === MAIN && scaled) };
  const throttled = stats.cpu_stats?.throttling_data?.throttled_time;
  const { read, write } = ioOf(stats);
  const networks = stats.networks && Object.values(stats.networks);
  const sum = (key: 'rx_bytes' | 'tx_bytes') =>
    networks ? networks.reduce((total, network) => total + (network[key] ?? 0), 0) : null;
  return {
    instanceId,
    tenantId,
    labels,
    readAt: new Date(stats.read),
    startedAt: new Date(Number(container.Labels[OWN_LABELS.startedAt])),
    cpuSeconds: cpuSecondsOf(stats),
    cpuThrottledSeconds: throttled === undefined ? null : throttled / NANOSECONDS,
    cpuLimitCores: limits.cpuCores ?? null,
    memoryWorkingSetBytes: workingSetOf(stats),
    memoryLimitBytes: limits.memoryBytes ?? limitOf(stats),
    ioReadBytes: read,
    ioWriteBytes: write,
    networkReceiveBytes: sum('rx_bytes'),
    networkTransmitBytes: sum('tx_bytes'),
    // Neither daemon counts them.
    oomKills: null,
    processes: stats.pids_stats?.current ?? null,
  };
}

/** One reading has no rate, and the one before it is not told with `one-shot`: two readings, over the times of theirs. */
export async function readResources(
  daemon: DockerDaemon,
  container: string,
  signal?: AbortSignal,
): Promise<Resources | undefined> {
  const first = await daemon.stats(container, signal);
  await sleep(TICK, signal);
  const second = await daemon.stats(container, signal);
  if (!first || !second) return undefined;
  const readAt = new Date(second.read);
  const seconds = (+readAt - +new Date(first.read)) / 1_000;
  const memoryBytes = workingSetOf(second);
  const used = (cpuSecondsOf(second) ?? 0) - (cpuSecondsOf(first) ?? 0);
  // What has ended in the meantime reads as zero.
  if (memoryBytes === null || Number.isNaN(+readAt) || used < 0) return undefined;
  return { cpuPercent: seconds > 0 ? (100 * used) / seconds : 0, memoryBytes, readAt };
}

/** Whether the daemon read anything: of a container that has ended it tells zeros, and a date of the year 1. */
function isReading(stats: ContainerStats): boolean {
  return new Date(stats.read).getTime() > 0 && workingSetOf(stats) !== null;
}

function cpuSecondsOf({ cpu_stats }: ContainerStats): number | null {
  const total = cpu_stats?.cpu_usage?.total_usage;
  return total === undefined ? null : total / NANOSECONDS;
}

/** Without files that the kernel can drop: `inactive_file` with cgroup v2, `total_inactive_file` with v1. */
function workingSetOf({ memory_stats: { usage, stats = {} } = {} }: ContainerStats): number | null {
  if (!usage) return null;
  const files = stats.total_inactive_file ?? stats.inactive_file ?? 0;
  return Math.max(0, usage - files);
}

function limitOf({ memory_stats }: ContainerStats): number | null {
  const limit = memory_stats?.limit;
  return limit && limit < NO_LIMIT ? limit : null;
}

function ioOf({ blkio_stats }: ContainerStats): { read: number | null; write: number | null } {
  const all = blkio_stats?.io_service_bytes_recursive;
  if (!all) return { read: null, write: null };
  const sum = (op: string) =>
    all.reduce((total, entry) => (entry.op.toLowerCase() === op ? total + entry.value : total), 0);
  return { read: sum('read'), write: sum('write') };
}
