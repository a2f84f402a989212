import { type InstanceStats } from '../provider.js';
import { MAIN } from '../services/service-spec.js';
import { type ServiceReadings, sumByInstance } from '../services/service-stats.js';
import { readEach, withServices } from './instance-directories.js';
import { type InstanceDirectory } from './instance-directory.js';
import { stateOfRuns } from './instance-runs.js';
import { readGroupStats } from './process-stats.js';

/** Of those that run now; one that cannot be read is left out, as is one that ends meanwhile. */
export async function readInstanceStats(
  directories: readonly InstanceDirectory[],
  signal?: AbortSignal,
): Promise<InstanceStats[]> {
  const running = await readEach(await withServices(directories), async (directory) => {
    signal?.throwIfAborted();
    try {
      const { state, process } = stateOfRuns(await directory.runs());
      if (state !== 'running' || !process) return [];
      const record = await directory.readRecord();
      const { id, serviceName: service = MAIN } = directory;
      return record ? [{ id, service, record, process }] : [];
    } catch {
      return []; // `list` calls it unknown
    }
  });
  const instances = running.flat();
  const groups = await readGroupStats(new Set(instances.map(({ process }) => process.pid)), signal);
  const readAt = new Date();
  const readings = instances.flatMap(({ id, service, record, process }): ServiceReadings[] => {
    const group = groups.get(process.pid);
    if (!group) return [];
    const stats = {
      ...NOT_TOLD_OF_PROCESSES,
      ...group,
      instanceId: id,
      tenantId: record.tenantId,
      labels: record.labels,
      readAt,
      startedAt: process.startedAt,
    };
    return [{ service, stats }];
  });
  return sumByInstance(readings);
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
