import { randomUUID } from 'node:crypto';
import { sleep, timeoutSignal } from '../../../core/timing/timer.js';
import { type ExecResult } from '../provider.js';
import { pollUntil } from '../waiting.js';
import { type DockerDaemon } from './docker-daemon.js';
import { asCommandFailure, isDaemonFailure } from './docker-failure.js';
import { type Output } from './streams.js';

/** The most that is kept of each of stdout and stderr, in bytes; the rest is read and dropped. */
const OUTPUT_LIMIT = 1024 * 1024;

/** By which a command and all that it starts are found in their container. */
const MARK = 'CTRLPLANE_EXEC';

/** Milliseconds in which a command that was given up is ended, and in which the daemon notes the end of one. */
const PATIENCE = 10_000;

/** How often to try to end a command while the daemon is away, and milliseconds between two attempts: 10 minutes in all. */
const END_ATTEMPTS = 600;
const END_PAUSE = 1_000;

/** The runtime tells by the output and these codes that there is no such program. */
const NOT_RUN = new Set([126, 127]);

/**
 * Runs a command in a container to its end. The Engine API cannot end one, so a command that is given up is looked for in
 * the container, by a second one: that needs `sh`, `grep` and `kill` in the image.
 */
export async function execInContainer(
  daemon: DockerDaemon,
  container: string,
  command: [program: string, ...args: string[]],
  signal?: AbortSignal,
): Promise<ExecResult> {
  const mark = randomUUID();
  const exec = await daemon.createExec(container, command, [`${MARK}=${mark}`], signal);
  const stdout = new Kept();
  const stderr = new Kept();
  let exitCode: number;
  try {
    for await (const output of daemon.startExec(exec, signal))
      (output.stream === 'stdout' ? stdout : stderr).add(output);
    exitCode = await endOf(daemon, exec, signal);
  } catch (error) {
    const failure = signal?.aborted ? undefined : asCommandFailure(command[0], error);
    if (failure) throw failure;
    void endWhenReachable(daemon, container, mark);
    signal?.throwIfAborted();
    throw error;
  }
  if (NOT_RUN.has(exitCode)) {
    const failure = /^(?:Error: runc|Error: crun|OCI runtime exec failed|exec failed)/m;
    const said = [stderr.text, stdout.text].find((text) => failure.test(text));
    if (said) throw asCommandFailure(command[0], new Error(said.split('\n')[0])) ?? new Error(said);
  }
  const truncated = stdout.truncated || stderr.truncated;
  return { exitCode, stdout: stdout.text, stderr: stderr.text, ...(truncated && { truncated }) };
}

/** The output ends a moment before the daemon knows how. */
async function endOf(daemon: DockerDaemon, exec: string, signal?: AbortSignal): Promise<number> {
  let exitCode: number | undefined;
  await pollUntil(
    async () => (exitCode = await daemon.exitCodeOf(exec, signal)) !== undefined,
    PATIENCE,
    signal,
  );
  if (exitCode === undefined) throw new Error('the daemon does not say how the command ended');
  return exitCode;
}

/** Nobody gets the result any more. Where the daemon has died, Podman lets the command continue. */
async function endWhenReachable(daemon: DockerDaemon, container: string, mark: string): Promise<void> {
  for (let attempt = 0; attempt < END_ATTEMPTS; attempt++) {
    if (await endCommand(daemon, container, mark)) return;
    await sleep(END_PAUSE, undefined, true);
  }
}

/** @returns whether the daemon did what it could */
async function endCommand(daemon: DockerDaemon, container: string, mark: string): Promise<boolean> {
  const script = `for p in /proc/[0-9]*; do grep -qa '^${MARK}=${mark}\\|.${MARK}=${mark}' $p/environ && kill -9 \${p#/proc/}; done 2>/dev/null`;
  const signal = timeoutSignal(PATIENCE);
  try {
    const killer = await daemon.createExec(container, ['/bin/sh', '-c', script], [], signal);
    const output = daemon.startExec(killer, signal);
    while (!(await output.next()).done);
    return true;
  } catch (error) {
    // Without a shell in the image it runs on, as documented; and what has stopped has ended it too.
    return !signal.aborted && !isDaemonFailure(error);
  }
}

class Kept {
  truncated = false;
  private readonly chunks: Buffer[] = [];
  private size = 0;

  get text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }

  add({ chunk }: Output): void {
    const kept = chunk.subarray(0, OUTPUT_LIMIT - this.size);
    this.size += kept.length;
    this.truncated ||= kept.length < chunk.length;
    if (kept.length) this.chunks.push(Buffer.from(kept));
  }
}
