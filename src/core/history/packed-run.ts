import { type Run } from './run.js';

/** What most runs do not have. */
type Rare = 'error' | 'progress' | 'blockedMs' | 'actor' | 'metrics' | 'payload' | 'payloadOmitted' | 'log';

/**
 * A run as it is kept in memory: 0.3 kB, where its record takes 1.1 kB, most of it dates. Ten thousand workers with
 * a run a second keep enough of them that looking after the records took the garbage collector longer than the runs.
 */
export class PackedRun {
  private readonly id: string;
  private readonly replica: string;
  private readonly trigger: Run['trigger'];
  private readonly attempt: number;
  private readonly outcome: Run['outcome'];
  /** Milliseconds since the epoch. The other instants are kept as distances from it, which V8 stores in place. */
  private readonly startedAt: number;
  private readonly slotAfter: number | undefined;
  private readonly scheduledAfter: number;
  private readonly endedAfter: number | undefined;
  private readonly release: string | undefined;
  private readonly rest: Pick<Run, Rare> | undefined;

  constructor(run: Run) {
    this.id = run.id;
    this.replica = run.replica;
    this.trigger = run.trigger;
    this.attempt = run.attempt;
    this.outcome = run.outcome;
    this.startedAt = run.startedAt.getTime();
    this.slotAfter = run.slot && run.slot.getTime() - this.startedAt;
    this.scheduledAfter = run.scheduledAt.getTime() - this.startedAt;
    this.endedAfter = run.endedAt && run.endedAt.getTime() - this.startedAt;
    this.release = run.release;
    this.rest = restOf(run);
  }

  /** Whether it is of that run. Numbers are compared first, as they are faster to tell apart than ids. */
  isOf({ id, startedAt }: Run): boolean {
    return this.startedAt === startedAt.getTime() && this.id === id;
  }

  /** @param worker its name, which whoever keeps the run knows */
  unpack(worker: string): Run {
    const { slotAfter, endedAfter } = this;
    return {
      id: this.id,
      worker,
      replica: this.replica,
      trigger: this.trigger,
      ...(this.release !== undefined && { release: this.release }),
      ...(slotAfter !== undefined && { slot: this.instant(slotAfter) }),
      attempt: this.attempt,
      scheduledAt: this.instant(this.scheduledAfter),
      startedAt: this.instant(0),
      ...(endedAfter !== undefined && { endedAt: this.instant(endedAfter) }),
      outcome: this.outcome,
      ...this.rest,
    };
  }

  private instant(after: number): Date {
    return new Date(this.startedAt + after);
  }
}

function restOf(run: Run): Pick<Run, Rare> | undefined {
  const { error, progress, blockedMs, actor, metrics, payload, payloadOmitted, log } = run;
  if (
    !error &&
    !progress &&
    !metrics &&
    !log &&
    blockedMs === undefined &&
    actor === undefined &&
    payload === undefined &&
    !payloadOmitted
  )
    // prettier-ignore
    return undefined;
  return {
    ...(error && { error }),
    ...(progress && { progress }),
    ...(blockedMs !== undefined && { blockedMs }),
    ...(actor !== undefined && { actor }),
    ...(metrics && { metrics }),
    ...(payload !== undefined && { payload }),
    ...(payloadOmitted && { payloadOmitted }),
    // The run goes on writing.
    ...(log && { log: { ...log, lines: [...log.lines] } }),
  };
}
