import { type ContainerStats } from './engine-api.js';

/** A reading of Podman's own API. */
export interface LibpodStats {
  ContainerID: string;
  /** Nanoseconds since 1970. */
  SystemNano: number;
  CPUNano: number;
  MemUsage: number;
  MemLimit: number;
  PIDs: number;
  BlockInput: number;
  BlockOutput: number;
  /** Podman 4. */
  NetInput?: number;
  NetOutput?: number;
  /** By interface. Podman 5. */
  Network?: Record<string, { RxBytes: number; TxBytes: number }> | null;
}

/** In the form of the Engine API, whose answers of Podman have no more than this, but for zeros in place of what was throttled. */
export function toContainerStats(stats: LibpodStats): ContainerStats {
  const networks = networksOf(stats);
  return {
    read: new Date(stats.SystemNano / 1e6).toISOString(),
    cpu_stats: { cpu_usage: { total_usage: stats.CPUNano } },
    memory_stats: { usage: stats.MemUsage, limit: stats.MemLimit },
    pids_stats: { current: stats.PIDs },
    blkio_stats: {
      io_service_bytes_recursive: [
        { op: 'read', value: stats.BlockInput },
        { op: 'write', value: stats.BlockOutput },
      ],
    },
    ...(networks && { networks }),
  };
}

function networksOf({ Network, NetInput, NetOutput }: LibpodStats): ContainerStats['networks'] {
  if (NetInput !== undefined && NetOutput !== undefined)
    return { all: { rx_bytes: NetInput, tx_bytes: NetOutput } };
  if (!Network) return undefined;
  const read = Object.entries(Network).map(
    ([name, { RxBytes, TxBytes }]) => [name, { rx_bytes: RxBytes, tx_bytes: TxBytes }] as const,
  );
  return Object.fromEntries(read);
}
