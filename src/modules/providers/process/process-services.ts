import { type ExecResult } from '../provider.js';
import { type HeldService, type ServiceHost } from '../services/service-convergence.js';
import { allPorts } from '../services/service-programs.js';
import { MAIN } from '../services/service-spec.js';
import { specHash } from '../spec-hash.js';
import { execInRun } from './exec-in-run.js';
import { type InstanceDirectory } from './instance-directory.js';
import { readService, recordUnlessBroken } from './instance-reading.js';
import { type InstanceRecord } from './instance-record.js';
import { endRuns } from './instance-runs.js';
import { type InstanceStarter } from './instance-starter.js';
import { olderLog } from './log-rotation.js';
import { tailLines } from './log-tail.js';

export interface ProcessServicesParts {
  provider: string;
  /** Milliseconds that what runs gets to end. */
  stopGrace: number;
  starter: InstanceStarter;
}

/** The processes of one instance, as the rule of services handles them: each has a directory of its own. */
export class ProcessServices implements ServiceHost {
  private readonly hash: string;

  constructor(
    private readonly parts: ProcessServicesParts,
    private readonly directory: InstanceDirectory,
    private record: InstanceRecord,
  ) {
    this.hash = specHash(record.spec);
  }

  /** The numbers of all ports, which each service is told, and the record of the instance, by which it is known. */
  async prepare(): Promise<void> {
    const { spec, ports } = this.record;
    const { id } = this.directory;
    this.record = {
      ...this.record,
      ports: await this.parts.starter.allocatePorts(id, allPorts(spec), ports),
    };
    if (!(await recordUnlessBroken(this.directory))) await this.directory.writeRecord(this.record);
  }

  async held(): Promise<HeldService[]> {
    const all = [this.directory, ...(await this.directory.services())];
    const read = all.map(async (directory): Promise<HeldService[]> => {
      const record = await recordUnlessBroken(directory);
      if (!record) return [];
      const { status, specHash } = await readService(
        directory,
        record,
        this.parts.starter.childOf(directory),
      );
      return [{ ...status, isCurrent: specHash === this.hash }];
    });
    return (await Promise.all(read)).flat();
  }

  async start(name: string, signal?: AbortSignal): Promise<void> {
    await this.parts.starter.start(this.at(name), this.record, signal);
  }

  async stop(name: string, signal?: AbortSignal): Promise<void> {
    await endRuns(this.at(name), this.parts.stopGrace, signal);
  }

  async remove(name: string): Promise<void> {
    const directory = this.at(name);
    await directory.remove();
    this.parts.starter.releaseService(directory);
  }

  exec(name: string, command: string[], signal?: AbortSignal): Promise<ExecResult> {
    return execInRun(this.at(name), command, this.parts.provider, signal);
  }

  tail(name: string, lines: number, signal?: AbortSignal): Promise<string[]> {
    const { log } = this.at(name);
    return tailLines(log, lines, signal, olderLog(log));
  }

  private at(name: string): InstanceDirectory {
    return name === MAIN ? this.directory : this.directory.service(name);
  }
}
