import { type ChildProcess } from 'node:child_process';
import { stat } from 'node:fs/promises';
import {
  CommandNotRunnableError,
  OutOfResourcesError,
  ProvisionFailedError,
  StopFailedError,
} from '../provider.errors.js';
import { type InstanceSpec, type ProviderState } from '../provider.js';
import { findExecutable } from './executable.js';
import { type InstanceDirectory, type Run, type RunProcess } from './instance-directory.js';
import { instanceEnvironment, instanceMark } from './instance-environment.js';
import { type InstanceRecord } from './instance-record.js';
import { launch } from './launcher.js';
import { endProcessGroup } from './process-group.js';
import { isAlive } from './process-identity.js';
import { pollUntil } from './waiting.js';

/** How long a launcher may take, in milliseconds, until it has joined its run. Usually it is five. */
const LAUNCH_TIMEOUT = 10_000;

/** How the system says that it has no more processes, files, memory or disk to give. */
const WANTING = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'EDQUOT']);

/** What the runs of an instance come to. */
export interface RunsState {
  state: Exclude<ProviderState, 'missing'>;
  /** Of the one process that runs, or that was the last to. */
  process?: RunProcess;
}

/**
 * An open run is what somebody wanted running: without its process the instance has exited. One that is
 * being ended counts for as long as its process lives.
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
 * @throws ProvisionFailedError when it, or the working directory, is not there.
 */
export async function executableOf(directory: InstanceDirectory, spec: InstanceSpec): Promise<string> {
  const [program = ''] = spec.command;
  const path = spec.env?.PATH ?? process.env.PATH ?? '';
  try {
    if (spec.workingDirectory !== undefined) await requireDirectory(program, spec.workingDirectory);
    return await findExecutable(program, path, workingDirectoryOf(directory, spec));
  } catch (error) {
    throw new ProvisionFailedError(directory.id, (error as Error).message, { cause: error });
  }
}

/** Where the program runs. */
export function workingDirectoryOf(directory: InstanceDirectory, spec: InstanceSpec): string {
  return spec.workingDirectory ?? directory.work;
}

/**
 * Starts the recorded program, which is that file, and waits until it runs. Nothing of the instance may be
 * running before. When the signal aborts, the start goes on by itself: whoever repeats it finds what came of it.
 *
 * @throws ProvisionFailedError
 */
export async function startRun(
  directory: InstanceDirectory,
  record: InstanceRecord,
  file: string,
  signal?: AbortSignal,
): Promise<ChildProcess> {
  const { id } = directory;
  const log = await directory.openLog();
  const run = await directory.openRun();
  let child: ChildProcess | undefined;
  let failure: string | undefined;
  let cause: NodeJS.ErrnoException | undefined;
  try {
    child = launch(run.path, {
      file,
      args: record.spec.command.slice(1),
      env: instanceEnvironment(id, record),
      directory: workingDirectoryOf(directory, record.spec),
      output: log.fd,
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
  const command = JSON.stringify(record.spec.command[0]);
  const reason = `${command}: ${failure ?? `not running after ${LAUNCH_TIMEOUT / 1_000} s`}`;
  if (WANTING.has(cause?.code ?? '')) throw new OutOfResourcesError(id, reason, { cause });
  throw new ProvisionFailedError(id, reason, { cause });
}

/**
 * Ends whatever runs of the instance, or is about to, and clears its runs away.
 * @throws StopFailedError
 */
export async function endRuns(
  directory: InstanceDirectory,
  grace: number,
  signal?: AbortSignal,
): Promise<void> {
  for (const run of await directory.runs()) await endRun(directory, run, grace, signal);
}

async function endRun(
  directory: InstanceDirectory,
  run: Run,
  grace: number,
  signal?: AbortSignal,
): Promise<void> {
  const closed = await directory.closeRun(run);
  const process = processOf(closed);
  const mark = instanceMark(directory.id);
  if (process && !(await endProcessGroup(process, { grace, mark, signal })))
    throw new StopFailedError(directory.id, `process group ${process.pid} has outlived SIGKILL`);
  await directory.removeRun(closed);
}

function processOf({ process }: Run): RunProcess | undefined {
  return process === 'unreadable' ? undefined : process;
}

async function requireDirectory(program: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory())
    throw new CommandNotRunnableError(program, `its working directory ${path} is no directory`);
}
