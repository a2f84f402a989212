import { type Finding, type Subject } from '../subject.js';

/** What the history knows of when a worker was last dealt with, and when it became known here. */
export interface Known {
  /** The latest slot that was dealt with, or since when its schedule holds. Milliseconds since the epoch, as is all of it. */
  readonly since: number;
}

/**
 * The instant at which a run should have begun, when it is longer ago than `grace` and none has since; undefined when all
 * began in time. A worker that is active, paused, stopped or ended misses nothing, nor does one that backs off.
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
  // Counted from the end of a run, or from the start of the process: there are no slots that somebody could have missed.
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
