import { type Belonging, MemberSearch } from './process-members.js';
import { pollUntil } from '../waiting.js';

/** How long SIGKILL may take, in milliseconds: only a process in an uninterruptible wait needs any time at all. */
const KILL_TIMEOUT = 10_000;

/** How to end what belongs to an instance. */
export interface EndOptions extends Omit<Belonging, 'leader'> {
  /** Milliseconds between SIGTERM and SIGKILL. */
  grace: number;
  signal?: AbortSignal | undefined;
}

/** How that went. `unsure`: something may be the instance's, and nothing tells. Nothing was done to it. */
export type EndOutcome = 'ended' | 'nothing' | 'alive' | 'unsure';

/**
 * SIGTERM to all that belongs to the instance, SIGKILL to what is left after the grace.
 *
 * Between the check that a process is ours and the signal lies a moment in which the pid could change hands.
 * It is microseconds long, and pids come round only after all others.
 */
export async function endProcesses(
  leader: Belonging['leader'],
  { grace, mark, user, signal }: EndOptions,
): Promise<EndOutcome> {
  const search = new MemberSearch({ leader, mark, user });
  let members = await search.look();
  if (members.unsure.length > 0) return 'unsure';
  if (members.pids.length === 0) return 'nothing';
  const ended = async (): Promise<boolean> => {
    members = await search.look();
    return members.pids.length === 0;
  };
  send(members.pids, 'SIGTERM');
  if (await pollUntil(ended, grace, signal)) return 'ended';
  // Sent at each look: a process that was being forked at the first may have escaped it.
  const killed = await pollUntil(async () => (send(members.pids, 'SIGKILL'), ended()), KILL_TIMEOUT, signal);
  return killed ? 'ended' : 'alive';
}

function send(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      // EPERM: somebody whom we may not signal. The next look tells whether it is still there.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ESRCH' && code !== 'EPERM') throw error;
    }
  }
}
