import { type ChildProcess } from 'node:child_process';
import {
  InstanceNotProvisionedError,
  InstanceNotRunningError,
  UnknownServiceError,
} from '../provider.errors.js';
import { type ProviderInstance } from '../provider.js';
import { hasServices, kindOf } from '../services/service-plan.js';
import { allPorts, serviceNames } from '../services/service-programs.js';
import { MAIN } from '../services/service-spec.js';
import { type FoundService, statusOfInstance } from '../services/service-status.js';
import { specHash } from '../spec-hash.js';
import { type InstanceDirectory, type Run, type RunProcess } from './instance-directory.js';
import { type InstanceRecord } from './instance-record.js';
import { stateOfRuns } from './instance-runs.js';
import { LOOPBACK } from '../port-allocator.js';
import { BrokenInstanceError } from './process.errors.js';
import { exitCodeOf } from './run-command.js';

/** What this control plane has started, if it has: only a parent learns exit codes. */
type ChildOf = (directory: InstanceDirectory) => ChildProcess | undefined;

/**
 * The instance as it is at this moment. Never rejects: one that cannot be read is `unknown`, and must not
 * hide the others from a list.
 */
export async function readInstance(
  directory: InstanceDirectory,
  childOf: ChildOf = () => undefined,
): Promise<ProviderInstance> {
  const nothing = { instanceId: directory.id, labels: {}, endpoints: [] };
  try {
    let record = await directory.readRecord();
    const runs = await directory.runs();
    if (!record && runs.length) record = await directory.readRecord(); // it may have come in between
    if (!record) return { ...nothing, state: runs.length ? 'unknown' : 'missing' };
    const main = serviceOf(directory, record, runs, childOf(directory));
    const others = hasServices(record.spec) ? await readServices(directory, childOf) : [];
    const all = [main, ...others];
    const isWanted = all.some(({ status, isWanted }) => status.kind !== 'init' && isWanted);
    return {
      instanceId: directory.id,
      tenantId: record.tenantId,
      labels: record.labels,
      endpoints: endpointsOf(record),
      ref: main.status.ref,
      startedAt: main.status.startedAt,
      ...statusOfInstance(record.spec, all, isWanted ? 'running' : 'stopped'),
    };
  } catch {
    return { ...nothing, state: 'unknown' };
  }
}

interface ReadService extends FoundService {
  /** Whether it should run. */
  isWanted: boolean;
}

/** One service, from its own directory and record. */
export async function readService(
  directory: InstanceDirectory,
  record: InstanceRecord,
  child: ChildProcess | undefined,
): Promise<ReadService> {
  return serviceOf(directory, record, await directory.runs(), child);
}

/** Those beside the main program. */
async function readServices(directory: InstanceDirectory, childOf: ChildOf): Promise<ReadService[]> {
  const found: ReadService[] = [];
  for (const service of await directory.services()) {
    const record = await service.readRecord();
    if (record) found.push(await readService(service, record, childOf(service)));
  }
  return found;
}

function serviceOf(
  { serviceName: name = MAIN }: InstanceDirectory,
  { spec }: InstanceRecord,
  runs: readonly Run[],
  child: ChildProcess | undefined,
): ReadService {
  const { state, process } = stateOfRuns(runs);
  return {
    status: {
      name,
      kind: kindOf(spec, name),
      state,
      ref: process && String(process.pid),
      startedAt: process?.startedAt,
      exitCode: state === 'exited' ? exitCodeIfOurs(process, child) : undefined,
    },
    specHash: specHash(spec),
    isWanted: runs.some((run) => run.open),
  };
}

/** What it was made from; undefined where there is none, or what there is makes no sense: it may be made anew then. */
export async function recordUnlessBroken(directory: InstanceDirectory): Promise<InstanceRecord | undefined> {
  try {
    return await directory.readRecord();
  } catch (error) {
    if (error instanceof BrokenInstanceError) return undefined;
    throw error;
  }
}

/** @throws InstanceNotProvisionedError */
export async function requireRecord(directory: InstanceDirectory, provider: string): Promise<InstanceRecord> {
  const record = await directory.readRecord();
  if (!record) throw new InstanceNotProvisionedError(directory.id, provider);
  return record;
}

/** @throws InstanceNotProvisionedError, InstanceNotRunningError */
export async function requireRunning(
  directory: InstanceDirectory,
  provider: string,
): Promise<{ record: InstanceRecord; process: RunProcess; run: Run }> {
  const record = await requireRecord(directory, provider);
  const runs = await directory.runs();
  const { state, process } = stateOfRuns(runs);
  const run = runs.find((run) => run.process === process);
  if (state !== 'running' || !process || !run) throw new InstanceNotRunningError(directory.id);
  return { record, process, run };
}

/** Where that service is. @throws UnknownServiceError */
export function directoryOf(
  directory: InstanceDirectory,
  { spec }: InstanceRecord,
  service: string = MAIN,
): InstanceDirectory {
  const names = serviceNames(spec);
  if (!names.includes(service)) throw new UnknownServiceError(directory.id, service, names);
  return service === MAIN ? directory : directory.service(service);
}

export async function isRunning(directory: InstanceDirectory): Promise<boolean> {
  const open = (await directory.runs()).filter((run) => run.open); // one that is being ended does not count
  return stateOfRuns(open).state === 'running';
}

function endpointsOf({ spec, ports }: InstanceRecord): ProviderInstance['endpoints'] {
  return allPorts(spec).map(({ name }) => ({ name, host: LOOPBACK, port: ports[name] ?? 0 }));
}

function exitCodeIfOurs(
  process: RunProcess | undefined,
  child: ChildProcess | undefined,
): number | undefined {
  if (!process || child?.pid !== process.pid) return undefined;
  return child.exitCode ?? (child.signalCode ? exitCodeOf(child.signalCode) : undefined);
}
