import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { type Readable } from 'node:stream';
import { type ExecResult } from '../provider.js';
import { type Confinement } from './confinement.js';
import { SYSTEM_PATH } from './instance-users.js';
import { asUser, openVariables } from './launcher.js';
import { only } from './leaked-descriptors.js';
import { orAborted } from '../waiting.js';

/** The most that is kept of each of stdout and stderr, in bytes; the rest is read and dropped. */
const OUTPUT_LIMIT = 1024 * 1024;

type CommandProcess = ChildProcessByStdio<null, Readable, Readable>;
type Stdio = ReturnType<typeof only>;

export interface RunCommandOptions {
  file: string;
  args: string[];
  env: Record<string, string>;
  directory: string;
  signal?: AbortSignal | undefined;
  /** As whom, and in which group, the instance runs; and where root may put the environment for a moment. */
  confinement?: (Confinement & { scratch: string }) | undefined;
}

/**
 * Runs a command to its end. A command that a signal has ended exits with 128 and the signal's number, as in
 * a shell. When the caller's signal aborts, the command and all that it has started are killed.
 */
export async function runCommand(options: RunCommandOptions): Promise<ExecResult> {
  const { signal } = options;
  signal?.throwIfAborted();
  const child = start(options);
  try {
    return await orAborted(resultOf(child), signal);
  } catch (error) {
    killGroup(child.pid);
    throw error;
  }
}

const JOIN = '[ -z "$1" ] || echo $$ >"$1/cgroup.procs" || exit; shift; exec "$@"';

function start({ file, args, env, directory, confinement }: RunCommandOptions): CommandProcess {
  const { user, cgroup, scratch = '' } = confinement ?? {};
  const options = { cwd: directory, detached: true };
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const spawned = (program: string, words: string[], env: Record<string, string>, own: Stdio) =>
    spawn(program, words, { ...options, env, stdio: own }) as CommandProcess;
  if (user === undefined && !cgroup) return spawned(file, args, env, only(...stdio));
  const joined = (...words: string[]) => ['-c', JOIN, 'exec', cgroup ?? '', ...words];
  if (user === undefined) return spawned('/bin/sh', joined(file, ...args), env, only(...stdio));
  const variables = openVariables(scratch, env);
  try {
    const words = joined(...asUser(user), file, ...args);
    return spawned('/bin/sh', words, { PATH: SYSTEM_PATH }, only(...stdio, variables));
  } finally {
    closeSync(variables);
  }
}

async function resultOf(child: CommandProcess): Promise<ExecResult> {
  await once(child, 'spawn'); // when it could not be started it has no streams either
  const [stdout, stderr, [code, by]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  const exitCode = code ?? exitCodeOf(by);
  const truncated = stdout.truncated || stderr.truncated;
  return { exitCode, stdout: stdout.text, stderr: stderr.text, ...(truncated && { truncated }) };
}

function killGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** How shells tell of an end by a signal. */
export function exitCodeOf(signal: NodeJS.Signals | null): number {
  return 128 + (signal ? constants.signals[signal] : 0);
}

async function text(stream: Readable): Promise<{ text: string; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  let truncated = false;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const kept = chunk.subarray(0, OUTPUT_LIMIT - size);
    size += kept.length;
    truncated ||= kept.length < chunk.length;
    if (kept.length) chunks.push(kept);
  }
  return { text: Buffer.concat(chunks).toString('utf8'), truncated };
}
