import { type ProviderInstance } from '../provider.js';
import { startServices, stopServices } from '../services/service-convergence.js';
import { hasServices } from '../services/service-plan.js';
import { type InstanceDirectory } from './instance-directory.js';
import { isRunning, readInstance, recordUnlessBroken } from './instance-reading.js';
import { type InstanceRecord } from './instance-record.js';
import { endRuns } from './instance-runs.js';
import { ProcessServices, type ProcessServicesParts } from './process-services.js';

/** Whole instances: a process, or one for each service. */
export class ProcessInstances {
  constructor(private readonly parts: ProcessServicesParts) {}

  /** What is being ended does not count. */
  async isRunning(directory: InstanceDirectory, { spec }: InstanceRecord): Promise<boolean> {
    const lasting = (spec.services ?? []).filter(({ kind }) => kind !== 'init');
    for (const { name } of lasting) if (!(await isRunning(directory.service(name)))) return false;
    return isRunning(directory);
  }

  /** @param anew ends and starts also what runs as it should */
  async start(
    directory: InstanceDirectory,
    record: InstanceRecord,
    { anew = true }: { anew?: boolean } = {},
    signal?: AbortSignal,
  ): Promise<ProviderInstance> {
    const { starter } = this.parts;
    if (!hasServices(record.spec) && !(await directory.services()).length) {
      await starter.start(directory, record, signal);
      return this.read(directory);
    }
    const isNew = !(await recordUnlessBroken(directory));
    const host = new ProcessServices(this.parts, directory, record);
    try {
      await host.prepare();
      await startServices(directory.id, record.spec, host, { anew, signal });
    } catch (error) {
      if (isNew && !signal?.aborted) await this.remove(directory).catch(() => undefined);
      throw error;
    }
    return this.read(directory);
  }

  async stop(directory: InstanceDirectory, signal?: AbortSignal): Promise<void> {
    const services = await directory.services();
    const record = services.length ? await recordUnlessBroken(directory) : undefined;
    if (record) await stopServices(record.spec, new ProcessServices(this.parts, directory, record), signal);
    // Of what has no record all the same.
    for (const each of [directory, ...services]) await endRuns(each, this.parts.stopGrace, signal);
  }

  async remove(directory: InstanceDirectory, signal?: AbortSignal): Promise<void> {
    await this.stop(directory, signal);
    const services = await directory.services();
    await directory.remove();
    this.parts.starter.release(directory, services);
  }

  read(directory: InstanceDirectory): Promise<ProviderInstance> {
    return readInstance(directory, (each) => this.parts.starter.childOf(each));
  }
}
