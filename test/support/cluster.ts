import { LocalCoordinator } from '../../src/core/coordination/local.coordinator.js';
import { ManualClock } from '../../src/core/testing/manual-clock.js';
import { type Worker } from '../../src/core/worker/worker.js';
import { type WorkerModuleOptions } from '../../src/core/worker-module.options.js';
import { startWorkers, type Workers } from './workers.js';

/** Several replicas on one manual clock and one coordinator. */
export interface TestCluster {
  readonly clock: ManualClock;
  readonly coordinator: LocalCoordinator;
  /** Starts another one, with its own workers. */
  join(workers: (replica: number) => Worker[], options?: WorkerModuleOptions): Promise<Workers>;
  close(): Promise<void>;
}

export function testCluster(
  clock = new ManualClock(),
  coordinator = new LocalCoordinator(clock),
): TestCluster {
  const replicas: Workers[] = [];
  return {
    clock,
    coordinator,
    join: async (workers, options) => {
      const replica = await startWorkers(
        workers(replicas.length),
        { coordination: coordinator, ...options },
        clock,
      );
      replicas.push(replica);
      return replica;
    },
    close: async () => {
      for (const replica of replicas.splice(0)) await replica.close();
    },
  };
}
