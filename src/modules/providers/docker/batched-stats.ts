import { timeoutSignal } from '../../../core/timing/timer.js';
import { orAborted } from '../waiting.js';
import { type DockerDaemon } from './docker-daemon.js';
import { type ContainerStats } from './engine-api.js';

/** Containers of a call: one that does not answer delays only the others of its call. */
const BATCH = 25;

/** Milliseconds for a call of many. After that each of its containers is read by a call of its own. */
const PATIENCE = 2_000;

/**
 * Reads containers by Podman's call for many. With 200 containers it cost the daemon 1.5 ms of processor time for each of them, and
 * a call for each 5.9 ms (Podman 4.3). A call is made when the first of its containers is asked for.
 */
export class BatchedStats {
  private readonly callsById = new Map<string, () => Promise<Map<string, ContainerStats>>>();

  /** @param signal for the calls of many; each reading has its own */
  constructor(
    private readonly daemon: DockerDaemon,
    ids: readonly string[],
    signal?: AbortSignal,
  ) {
    for (let start = 0; start < ids.length; start += BATCH) {
      const batch = ids.slice(start, start + BATCH);
      let called: Promise<Map<string, ContainerStats>> | undefined;
      const call = () => (called ??= this.readTogether(batch, signal));
      for (const id of batch) this.callsById.set(id, call);
    }
  }

  /** @returns undefined when the container has ended */
  async of(id: string, signal?: AbortSignal): Promise<ContainerStats | undefined> {
    const together = await orAborted(this.callsById.get(id)!(), signal);
    return together.get(id) ?? this.daemon.stats(id, signal);
  }

  /** @returns nothing when the call fails, as it does when one of them has ended: the call for each then says what is wrong */
  private async readTogether(
    batch: readonly string[],
    signal?: AbortSignal,
  ): Promise<Map<string, ContainerStats>> {
    const end = AbortSignal.any([timeoutSignal(PATIENCE), ...(signal ? [signal] : [])]);
    try {
      return await orAborted(this.daemon.statsOfMany(batch, end), end);
    } catch {
      return new Map();
    }
  }
}
