import { type ChildProcess } from 'node:child_process';
import { InstanceNotProvisionedError, InstanceNotRunningError } from '../provider.errors.js';
import { type ProviderInstance } from '../provider.js';
import { specHash } from '../spec-hash.js';
import { type InstanceDirectory, type Run, type RunProcess } from './instance-directory.js';
import { type InstanceRecord } from './instance-record.js';
import { stateOfRuns } from './instance-runs.js';
import { LOOPBACK } from '../port-allocator.js';
import { BrokenInstanceError } from './process.errors.js';
import { exitCodeOf } from './run-command.js';

/**
 * The instance as it is at this moment. Never rejects: one that cannot be read is `unknown`, and must not
 * hide the others from a list.
 *
 * @param child what this control plane has started under that id, if it has: only a parent learns exit codes.
 */
export async function readInstance(
  directory: InstanceDirectory,
  child?: ChildProcess,
): Promise<ProviderInstance> {
  const nothing = { instanceId: directory.id, labels: {}, endpoints: [] };
  try {
    let record = await directory.readRecord();
    const runs = await directory.runs();
    if (!record && runs.length) record = await directory.readRecord(); // it may have come in between
    if (!record) return { ...nothing, state: runs.length ? 'unknown' : 'missing' };
    const { state, process } = stateOfRuns(runs);
    return {
      instanceId: directory.id,
      tenantId: record.tenantId,
      labels: record.labels,
      endpoints: endpointsOf(record),
      state,
      ref: process && String(process.pid),
      startedAt: process?.startedAt,
      specHash: specHash(record.spec),
      desiredState: runs.some((run) => run.open) ? 'running' : 'stopped',
      exitCode: state === 'exited' ? exitCodeIfOurs(process, child) : undefined,
    };
  } catch {
    return { ...nothing, state: 'unknown' };
  }
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

export async function isRunning(directory: InstanceDirectory): Promise<boolean> {
  const open = (await directory.runs()).filter((run) => run.open); // one that is being ended does not count
  return stateOfRuns(open).state === 'running';
}

function endpointsOf({ spec, ports }: InstanceRecord): ProviderInstance['endpoints'] {
  return (spec.ports ?? []).map(({ name }) => ({ name, host: LOOPBACK, port: ports[name] ?? 0 }));
}

function exitCodeIfOurs(
  process: RunProcess | undefined,
  child: ChildProcess | undefined,
): number | undefined {
  if (!process || child?.pid !== process.pid) return undefined;
  return child.exitCode ?? (child.signalCode ? exitCodeOf(child.signalCode) : undefined);
}
