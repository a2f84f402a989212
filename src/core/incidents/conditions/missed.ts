import { type Finding, type Subject } from '../subject.js';

/** Up to when the slots of a worker are known to be handled. */
export interface Known {
  /** The latest handled slot, or when its schedule came into force. Milliseconds since the epoch. */
  readonly since: number;
}

/**
 * When a run should have begun, if that is more than `grace` milliseconds ago and none has begun since; else undefined. A
 * worker that is active, paused, stopped, ended or backing off misses nothing.
 */
export function missedSlot(
  subject: Subject,
  { since }: Known,
  now: number,
  grace: number,
): number | undefined {
  const { info, timing, definition, runs } = subject;
  if (!info.running || info.state !== 'idle') return undefined;
  const next = info.nextRun?.getTime();
  if (next !== undefined && next + grace < now) return next;
  const { schedule } = timing;
  // An interval from the end of a run or from the start of the process has no fixed slots that could be missed.
  if (!schedule || schedule.counted || definition.spacing !== 'slot') return undefined;
  const backsOff =
    info.consecutiveFailures > 0 && next !== undefined && next > schedule.dueAt(schedule.next(now));
  if (backsOff) return undefined;
  const [run] = runs;
  const dealtWith = Math.max(
    since,
    info.lastRun?.getTime() ?? 0,
    run?.startedAt.getTime() ?? 0,
    run?.endedAt?.getTime() ?? 0,
    info.lastChange?.at.getTime() ?? 0,
  );
  const slot = schedule.next(dealtWith);
  if (slot === Infinity) return undefined;
  const due = schedule.dueAt(slot);
  return due + grace < now ? due : undefined;
}

export function missed(subject: Subject, known: Known, now: number, grace: number): Finding | undefined {
  const due = missedSlot(subject, known, now, grace);
  if (due === undefined) return undefined;
  return {
    condition: 'missed',
    what: `has missed its run of ${new Date(due).toISOString()}: none has begun since`,
  };
}
