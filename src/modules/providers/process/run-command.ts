import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { type Readable } from 'node:stream';
import { type ExecResult } from '../provider.js';
import { orAborted } from './waiting.js';

/** The most that is kept of each of stdout and stderr, in bytes; the rest is read and dropped. */
const OUTPUT_LIMIT = 1024 * 1024;

export interface RunCommandOptions {
  file: string;
  args: string[];
  env: Record<string, string>;
  directory: string;
  signal?: AbortSignal;
}

/**
 * Runs a command to its end. A command that a signal has ended exits with 128 and the signal's number, as in
 * a shell. When the caller's signal aborts, the command and all that it has started are killed.
 */
export async function runCommand(options: RunCommandOptions): Promise<ExecResult> {
  const { file, args, env, directory, signal } = options;
  signal?.throwIfAborted();
  const child = spawn(file, args, { cwd: directory, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    return await orAborted(resultOf(child), signal);
  } catch (error) {
    killGroup(child.pid);
    throw error;
  }
}

async function resultOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<ExecResult> {
  await once(child, 'spawn'); // when it could not be started it has no streams either
  const [stdout, stderr, [code, by]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { exitCode: code ?? exitCodeOf(by), stdout, stderr };
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

async function text(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const kept = chunk.subarray(0, OUTPUT_LIMIT - size);
    size += kept.length;
    if (kept.length) chunks.push(kept);
  }
  return Buffer.concat(chunks).toString('utf8');
}
