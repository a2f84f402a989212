import { type InstanceStats } from '../provider.js';
import { readEach } from './instance-directories.js';
import { type InstanceDirectory } from './instance-directory.js';
import { stateOfRuns } from './instance-runs.js';
import { readGroupStats } from './process-stats.js';

/** Of those that run now; one that cannot be read is left out, as is one that ends meanwhile. */
export async function readInstanceStats(
  directories: readonly InstanceDirectory[],
  signal?: AbortSignal,
): Promise<InstanceStats[]> {
  const running = await readEach(directories, async (directory) => {
    signal?.throwIfAborted();
    try {
      const { state, process } = stateOfRuns(await directory.runs());
      if (state !== 'running' || !process) return [];
      const record = await directory.readRecord();
      return record ? [{ id: directory.id, record, process }] : [];
    } catch {
      return []; // `list` calls it unknown
    }
  });
  const instances = running.flat();
  const groups = await readGroupStats(new Set(instances.map(({ process }) => process.pid)), signal);
  const readAt = new Date();
  return instances.flatMap(({ id, record, process }) => {
    const group = groups.get(process.pid);
    if (!group) return [];
    return [
      {
        ...NOT_TOLD_OF_PROCESSES,
        ...group,
        instanceId: id,
        tenantId: record.tenantId,
        labels: record.labels,
        readAt,
        startedAt: process.startedAt,
      },
    ];
  });
}

/** A plain process has no limits and no network of its own. */
const NOT_TOLD_OF_PROCESSES = {
  cpuThrottledSeconds: null,
  cpuLimitCores: null,
  memoryLimitBytes: null,
  networkReceiveBytes: null,
  networkTransmitBytes: null,
  oomKills: null,
};
