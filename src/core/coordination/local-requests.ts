import { type EndedRun, withoutLog } from '../history/run.js';
import { type CancelAnswer, FOREVER, type RunRequestInput } from './coordinator.js';
import { type RequestedRun, type RequestOutcome } from './worker-record.js';

export interface LocalRequest extends RequestedRun {
  attempts: number;
  readonly eventId: string | undefined;
  readonly maxAttempts: number;
  /** It was begun without a lease, and is not tried again: when its replica last said that it is active. */
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
  waits(request: LocalRequest | undefined, time: number): request is LocalRequest {
    return request !== undefined && isOpen(request) && !this.isServed(request, time);
  }

  waiting(isWanted: (worker: string) => boolean, time: number): LocalRequest[] {
    return [...this.byId.values()].filter((request) => isWanted(request.worker) && this.waits(request, time));
  }

  /** Neither begun without a lease nor over, and to be tried. */
  get open(): LocalRequest[] {
    return [...this.byId.values()].filter(isOpen);
  }

  dropWaiting(worker: string, time: number): void {
    for (const request of this.waiting((name) => name === worker, time)) drop(request, time);
  }

  /** @returns what was dropped; undefined when no such request waits */
  cancel(id: string, time: number): CancelAnswer['dropped'] {
    const request = this.get(id);
    if (!this.waits(request, time)) return undefined;
    drop(request, time);
    const { worker, trigger, requestedAt, actor } = request;
    return { worker, trigger, requestedAt, ...(actor !== undefined && { actor }) };
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
      if (request) request.heardOf = time;
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
