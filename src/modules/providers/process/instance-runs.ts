import { type ChildProcess, execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type InstanceId } from '../../ids/typed-id.js';
import {
  CommandNotRunnableError,
  OutOfResourcesError,
  ProvisionFailedError,
  StopFailedError,
} from '../provider.errors.js';
import { type InstanceSpec, type ProviderState } from '../provider.js';
import { programOf } from '../services/service-programs.js';
import { findExecutable } from './executable.js';
import { type Confinement, readConfinement } from './confinement.js';
import { endCgroup } from './instance-cgroup.js';
import { IDENTITY_FILE, type InstanceDirectory, type Run, type RunProcess } from './instance-directory.js';
import { instanceEnvironment, instanceMark } from './instance-environment.js';
import { type InstanceRecord } from './instance-record.js';
import { launch } from './launcher.js';
import { type EndOutcome, endProcesses } from './process-group.js';
import { isAlive } from './process-identity.js';
import { pollUntil } from '../waiting.js';

/** How long a launcher may take, in milliseconds, until it has joined its run. Usually it is five. */
const LAUNCH_TIMEOUT = 10_000;

/** Error codes for: out of processes, files, memory or disk. */
const WANTING = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'EDQUOT']);

/** The state of an instance, from its runs. */
export interface RunsState {
  state: Exclude<ProviderState, 'missing'>;
  /** Of the one process that runs, or that was the last to. */
  process?: RunProcess;
}

/**
 * An open run was requested: without its process the instance has exited. One that is being ended counts for as long
 * as its process lives.
 */
export function stateOfRuns(runs: readonly Run[]): RunsState {
  const processes = runs.map(processOf).filter((process) => process !== undefined);
  const living = processes.find(isAlive);
  if (living) return { state: 'running', process: living };
  const open = runs.find((run) => run.open);
  if (!open) return { state: 'stopped' };
  return { state: open.process === 'unreadable' ? 'unknown' : 'exited', process: processOf(open) };
}

/**
 * The file that the spec's program stands for.
 * @throws ProvisionFailedError when it, or the working directory, is not there, or not for that user.
 */
export async function executableOf(directory: InstanceDirectory, record: InstanceRecord): Promise<string> {
  const { user } = record;
  const spec = programOf(record.spec, directory.serviceName);
  const [program = ''] = spec.command;
  const path = spec.env?.PATH ?? process.env.PATH ?? '';
  try {
    if (spec.workingDirectory !== undefined) await requireDirectory(program, spec.workingDirectory);
    const file = await findExecutable(program, path, workingDirectoryOf(directory, spec));
    if (user !== undefined) await requireAccess(directory, record, user, file);
    return file;
  } catch (error) {
    throw new ProvisionFailedError(directory.id, (error as Error).message, { cause: error });
  }
}

/** Where the program runs. */
export function workingDirectoryOf(directory: InstanceDirectory, spec: InstanceSpec): string {
  return spec.workingDirectory ?? directory.work;
}

/**
 * Starts the recorded program, which is that file, and waits until it runs. Nothing of the instance may be running
 * before. When the signal aborts, the start goes on by itself: a repeated call finds its result.
 *
 * @throws ProvisionFailedError
 */
export async function startRun(
  directory: InstanceDirectory,
  record: InstanceRecord,
  file: string,
  cgroups: string | undefined,
  signal?: AbortSignal,
): Promise<ChildProcess> {
  const { id } = directory;
  const program = programOf(record.spec, directory.serviceName);
  const log = await directory.openLog();
  const run = await directory.openRun({ user: record.user, cgroups }).catch(async (error: Error) => {
    await log.close();
    throw error;
  });
  let child: ChildProcess | undefined;
  let failure: string | undefined;
  let cause: NodeJS.ErrnoException | undefined;
  try {
    child = launch(run.path, {
      file,
      args: program.command.slice(1),
      env: instanceEnvironment(directory, record),
      directory: workingDirectoryOf(directory, program),
      output: log.fd,
      ...readConfinement(run.path),
    });
    child.once('error', (error) => (failure = (cause = error).message));
    child.once('exit', (code, by) => (failure = `it ended at once by ${by ?? code}, see ${directory.log}`));
  } catch (error) {
    failure = (cause = error as Error).message; // such as E2BIG, for an environment that is too large
  } finally {
    await log.close();
  }
  const joined = async () => (await directory.readRun(run))?.process !== undefined;
  await pollUntil(async () => failure !== undefined || (await joined()), LAUNCH_TIMEOUT, signal);
  if (child && (await joined())) return child;
  await endRun(directory, run, 0, signal);
  const command = JSON.stringify(program.command[0]);
  const reason = `${command}: ${failure ?? `not running after ${LAUNCH_TIMEOUT / 1_000} s`}`;
  if (WANTING.has(cause?.code ?? '')) throw new OutOfResourcesError(id, reason, { cause });
  throw new ProvisionFailedError(id, reason, { cause });
}

/** The error, as `OutOfResourcesError` where the system says that it has no more to give. */
export function asShortage(id: InstanceId, error: NodeJS.ErrnoException): Error {
  return WANTING.has(error.code ?? '') ? new OutOfResourcesError(id, error.message, { cause: error }) : error;
}

/**
 * Ends whatever runs of the instance, or is about to, and clears its runs away.
 * @throws StopFailedError when something is left, or nothing tells whether anything is
 */
export async function endRuns(
  directory: InstanceDirectory,
  grace: number,
  signal?: AbortSignal,
): Promise<void> {
  const runs = await directory.runs();
  for (const run of runs) await endRun(directory, run, grace, signal);
  // One that has removed the notes of its own start: as the control plane's own user it may.
  if (runs.length === 0) await endStrays(directory, undefined, {}, grace, signal);
}

async function endRun(
  directory: InstanceDirectory,
  run: Run,
  grace: number,
  signal?: AbortSignal,
): Promise<void> {
  const closed = await directory.closeRun(run);
  const confinement = confinementOf(directory, closed);
  const { cgroup } = confinement;
  if (cgroup && !(await endCgroup(cgroup, grace, signal)))
    throw new StopFailedError(directory.id, `something in ${cgroup} has outlived SIGKILL`);
  const outcome = await endStrays(directory, processOf(closed), confinement, grace, signal);
  // A group and a user of its own hold all of it: only without them is an unreadable note all that there is.
  const certain = cgroup !== undefined || confinement.user !== undefined || outcome === 'ended';
  if (closed.process === 'unreadable' && !certain)
    throw new StopFailedError(
      directory.id,
      `which process it is cannot be told, as ${closed.path}/${IDENTITY_FILE} cannot be read. End what is left of it, then remove that file`,
    );
  await directory.removeRun(closed);
}

async function endStrays(
  directory: InstanceDirectory,
  leader: RunProcess | undefined,
  { user }: Confinement,
  grace: number,
  signal?: AbortSignal,
): Promise<EndOutcome> {
  const mark = instanceMark(directory);
  const outcome = await endProcesses(leader, { grace, mark, user, signal });
  if (outcome === 'alive')
    throw new StopFailedError(directory.id, 'one of its processes has outlived SIGKILL');
  if (outcome === 'unsure')
    throw new StopFailedError(
      directory.id,
      `whether process group ${leader?.pid} is its own cannot be told: this user may not look. End that group if it is`,
    );
  return outcome;
}

/** @throws StopFailedError when it is there and makes no sense */
function confinementOf(directory: InstanceDirectory, run: Run): Confinement {
  try {
    return readConfinement(run.path);
  } catch (error) {
    throw new StopFailedError(
      directory.id,
      `what holds it cannot be told: ${run.path}/confinement.json cannot be read (${(error as Error).name})`,
    );
  }
}

function processOf({ process }: Run): RunProcess | undefined {
  return process === 'unreadable' ? undefined : process;
}

async function requireDirectory(program: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory())
    throw new CommandNotRunnableError(program, `its working directory ${path} is no directory`);
}

/**
 * Asked of the system by trying it as that user, since modes alone would miss access lists; with the environment and
 * the arguments of the program, which may be more than the system takes.
 */
async function requireAccess(
  directory: InstanceDirectory,
  record: InstanceRecord,
  user: number,
  file: string,
): Promise<void> {
  const { command, workingDirectory } = programOf(record.spec, directory.serviceName);
  const [program = '', ...args] = command;
  const script = '[ -x "$1" ] || { printf %s "$1"; exit 1; }; [ -x "$2" ] || { printf %s "$2"; exit 1; }';
  const env = instanceEnvironment(directory, record);
  const words = ['-c', script, 'sh', workingDirectory ?? '/', file, ...args];
  const options = { uid: user, gid: user, cwd: '/', env };
  let refused: string | undefined;
  try {
    await promisify(execFile)('/bin/sh', words, options);
  } catch (error) {
    const { code, stdout, message } = error as { code?: unknown; stdout: string; message: string };
    if (typeof code !== 'number') throw new Error(`${JSON.stringify(program)}: ${message}`, { cause: error });
    refused = stdout;
  }
  if (refused !== undefined)
    throw new CommandNotRunnableError(
      program,
      `${refused} is not open to other users, and as root the control plane gives each instance a user of its own. Open it and what is above it (chmod o+x), or move it`,
    );
}
