import { type EndedRun, withoutLog } from '../history/run.js';
import { type CancelAnswer, FOREVER, type RunRequestInput } from './coordinator.js';
import { type RequestedRun, type RequestOutcome } from './worker-record.js';

export interface LocalRequest extends Omit<RequestedRun, 'notBefore'> {
  attempts: number;
  notBefore?: number;
  readonly eventId: string | undefined;
  maxAttempts: number;
  /** It was begun without a lease: when its replica last said that it is active. */
  heardOf?: number | undefined;
  endedAt?: number;
  outcome?: RequestOutcome;
}

/** The runs that were asked for, of all workers, and what became of them. */
export class LocalRequests {
  private readonly byId = new Map<string, LocalRequest>();

  /** @param isServed whether a run that has the lease of the worker serves the request */
  constructor(private readonly isServed: (request: LocalRequest, time: number) => boolean) {}

  get(id: string | undefined): LocalRequest | undefined {
    return id === undefined ? undefined : this.byId.get(id);
  }

  add({ overlap: _, eventId, ...asked }: RunRequestInput, time: number): void {
    this.byId.set(asked.id, { ...asked, eventId, requestedAt: time, attempts: 0 });
  }

  knowsEvent(worker: string, eventId: string | undefined): boolean {
    if (eventId === undefined) return false;
    return [...this.byId.values()].some((other) => other.worker === worker && other.eventId === eventId);
  }

  /** Whether it may be claimed. */
  isDue(request: LocalRequest | undefined, time: number): boolean {
    return this.waits(request, time) && (request.notBefore === undefined || request.notBefore <= time);
  }

  waiting(isWanted: (worker: string) => boolean, time: number): LocalRequest[] {
    return [...this.byId.values()].filter((request) => isWanted(request.worker) && this.waits(request, time));
  }

  /** Neither begun without a lease nor over, and to be tried. */
  get open(): LocalRequest[] {
    return [...this.byId.values()].filter(isOpen);
  }

  /** A newer one comes. What is deferred is given up when that one ends. */
  dropWaiting(worker: string, time: number): void {
    for (const request of this.of(worker, time)) if (request.notBefore === undefined) drop(request, time);
  }

  /** What waits for the end of a backoff has no reason any more. */
  dropDeferred(worker: string, time: number, but?: string): void {
    for (const request of this.of(worker, time))
      if (request.notBefore !== undefined && request.id !== but) drop(request, time);
  }

  /** A run of the worker has failed: what waited for its end is newer, and waits longer. @returns whether any did */
  deferWaiting(worker: string, notBefore: number, time: number): boolean {
    const newer = this.of(worker, time).find(isNewer);
    if (newer) newer.notBefore = notBefore;
    return newer !== undefined;
  }

  /** Its run has failed, and is tried again. */
  retry(request: LocalRequest, notBefore: number): void {
    request.notBefore = notBefore;
    request.heardOf = undefined;
    // A failure uses up no attempt: those are for runs that do not come to their end.
    request.maxAttempts++;
  }

  /** @returns what was dropped; undefined when no such request waits */
  cancel(id: string, time: number): CancelAnswer['dropped'] {
    const request = this.get(id);
    if (!this.waits(request, time)) return undefined;
    drop(request, time);
    const { worker, trigger, attempts, requestedAt, notBefore, actor } = request;
    return {
      worker,
      trigger: attempts > 0 && trigger !== 'manual' ? 'retry' : trigger,
      attempt: attempts + 1,
      requestedAt: notBefore ?? requestedAt,
      ...(actor !== undefined && { actor }),
    };
  }

  /** Begun without a lease, and not over as far as anybody has said. */
  isActive(id: string): boolean {
    const request = this.get(id);
    return request?.heardOf !== undefined && request.endedAt === undefined;
  }

  /** Their replica says that they are active. */
  heardOf(ids: readonly string[], time: number): void {
    for (const id of ids) {
      const request = this.get(id);
      // It may have been said before the run failed, and be heard after.
      if (request?.heardOf !== undefined) request.heardOf = time;
    }
  }

  end(request: LocalRequest, run: EndedRun, time: number): void {
    request.endedAt = time;
    request.outcome = { run: withoutLog(run) };
  }

  /** What became of it; undefined while that is open. One that nobody can be at any more counts as dropped. */
  outcome(id: string, time: number, silentAfter: number): RequestOutcome | undefined {
    const request = this.get(id);
    if (request?.outcome) return request.outcome;
    return !request || this.isSilent(request, time, silentAfter) ? { dropped: true } : undefined;
  }

  prune(before: number): void {
    for (const { id, endedAt, eventId } of this.byId.values())
      if (endedAt !== undefined && endedAt < before && !eventId?.startsWith(FOREVER)) this.byId.delete(id);
  }

  private of(worker: string, time: number): LocalRequest[] {
    return this.waiting((name) => name === worker, time);
  }

  private waits(request: LocalRequest | undefined, time: number): request is LocalRequest {
    return request !== undefined && isOpen(request) && !this.isServed(request, time);
  }

  /** It was begun, is not tried again, and no replica says that it is active. */
  private isSilent(request: LocalRequest, time: number, silentAfter: number): boolean {
    const { heardOf } = request;
    return heardOf === undefined
      ? exhausted(request) && !this.isServed(request, time)
      : time - heardOf > silentAfter;
  }
}

function drop(request: LocalRequest, time: number): void {
  request.endedAt = time;
  request.outcome = { dropped: true };
}

function isOpen(request: LocalRequest): boolean {
  return request.endedAt === undefined && request.heardOf === undefined && !exhausted(request);
}

function exhausted({ attempts, maxAttempts }: LocalRequest): boolean {
  return attempts >= maxAttempts;
}

/** Asked for, by an event, after the run began that has failed. Who triggers by hand does not wait for a backoff. */
function isNewer({ trigger, attempts, notBefore }: LocalRequest): boolean {
  return trigger !== 'manual' && attempts === 0 && notBefore === undefined;
}
