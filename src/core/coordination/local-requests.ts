import { type EndedRun, withoutLog } from '../history/run.js';
import { type CancelAnswer, FOREVER, type RunRequestInput } from './coordinator.js';
import { type RequestedRun, type RequestOutcome } from './worker-record.js';

export interface LocalRequest extends Omit<RequestedRun, 'notBefore'> {
  attempts: number;
  notBefore?: number;
  readonly eventId: string | undefined;
  maxAttempts: number;
  /** Set when its run began without a lease: when its replica last reported the run as active. */
  heardOf?: number | undefined;
  endedAt?: number;
  outcome?: RequestOutcome;
}

/** The requested runs of all workers, and their outcomes. */
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

  /** Those that have not ended, are not active without a lease, and have an attempt left. */
  get open(): LocalRequest[] {
    return [...this.byId.values()].filter(isOpen);
  }

  /** Drops what waits, as a newer request replaces it. Deferred requests stay until the newer one's run has ended. */
  dropWaiting(worker: string, time: number): void {
    for (const request of this.of(worker, time)) if (request.notBefore === undefined) drop(request, time);
  }

  /**
   * Drops requests that wait for the end of a backoff.
   * @param but id of a request that is kept
   */
  dropDeferred(worker: string, time: number, but?: string): void {
    for (const request of this.of(worker, time))
      if (request.notBefore !== undefined && request.id !== but) drop(request, time);
  }

  /**
   * After a failed run: a request that waited for its end is newer than the retry, and waits until `notBefore`.
   * @returns whether there was one
   */
  deferWaiting(worker: string, notBefore: number, time: number): boolean {
    const newer = this.of(worker, time).find(isNewer);
    if (newer) newer.notBefore = notBefore;
    return newer !== undefined;
  }

  /** Keeps a request whose run has failed, to be run again. */
  retry(request: LocalRequest, notBefore: number): void {
    request.notBefore = notBefore;
    request.heardOf = undefined;
    // A failure uses up no attempt: `maxAttempts` limits runs that do not come to their end.
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

  /** Whether its run began without a lease, and its end was not reported. */
  isActive(id: string): boolean {
    const request = this.get(id);
    return request?.heardOf !== undefined && request.endedAt === undefined;
  }

  /** Notes that their replica has reported them as active. */
  heardOf(ids: readonly string[], time: number): void {
    for (const id of ids) {
      const request = this.get(id);
      // The report may have been made before the run failed, and arrive after.
      if (request?.heardOf !== undefined) request.heardOf = time;
    }
  }

  end(request: LocalRequest, run: EndedRun, time: number): void {
    request.endedAt = time;
    request.outcome = { run: withoutLog(run) };
  }

  /** The outcome; undefined while it is open. A request that no replica can be running any more counts as dropped. */
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

/** Requested, not manually, after the failed run began. A manual trigger does not wait for a backoff. */
function isNewer({ trigger, attempts, notBefore }: LocalRequest): boolean {
  return trigger !== 'manual' && attempts === 0 && notBefore === undefined;
}
