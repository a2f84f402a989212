import { type ExecResult } from '../provider.js';
import { parseCommand } from '../provision-request.schema.js';
import { programOf } from '../services/service-programs.js';
import { orAborted } from '../waiting.js';
import { readConfinement } from './confinement.js';
import { findExecutable } from './executable.js';
import { type InstanceDirectory } from './instance-directory.js';
import { instanceEnvironment } from './instance-environment.js';
import { requireRunning } from './instance-reading.js';
import { workingDirectoryOf } from './instance-runs.js';
import { runCommand } from './run-command.js';

/** A command in the environment and working directory of a program that runs, in a process group of its own. */
export async function execInRun(
  directory: InstanceDirectory,
  command: string[],
  provider: string,
  signal?: AbortSignal,
): Promise<ExecResult> {
  const [program, ...args] = parseCommand(command);
  const { record, run } = await orAborted(requireRunning(directory, provider), signal);
  const env = instanceEnvironment(directory, record);
  const cwd = workingDirectoryOf(directory, programOf(record.spec, directory.serviceName));
  const file = await findExecutable(program, env.PATH ?? '', cwd);
  const confinement = { ...readConfinement(run.path), scratch: run.path };
  return runCommand({ file, args, env, directory: cwd, signal, confinement });
}
