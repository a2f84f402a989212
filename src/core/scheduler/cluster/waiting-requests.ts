import { type Release } from '../../coordination/coordinator.js';
import { type RequestedRun } from '../../coordination/worker-record.js';

/**
 * The waiting requests of one worker that a replica knows of. Those that wait for the end of a backoff are deferred: an
 * event whose run failed, or a request that waited for the end of a run that failed.
 */
export class WaitingRequests {
  /** Oldest first. */
  private all: readonly RequestedRun[] = [];

  /** Takes the requests of a pulse. */
  replace(requests: readonly RequestedRun[]): void {
    this.all = requests;
  }

  copy({ all }: WaitingRequests): void {
    this.all = all;
  }

  add(request: RequestedRun): void {
    this.all = [...this.all, request];
  }

  /** Under a policy that queues one, a newer request replaces those that wait, except deferred ones. */
  addInPlace(request: RequestedRun): void {
    this.all = [...this.all.filter(isDeferred), request];
  }

  drop(request: string): void {
    this.all = this.all.filter(({ id }) => id !== request);
  }

  dropDeferred(): void {
    this.all = this.all.filter((request) => !isDeferred(request));
  }

  /** The oldest request that is not deferred. */
  get plain(): RequestedRun | undefined {
    return this.all.find((request) => !isDeferred(request));
  }

  get deferred(): RequestedRun | undefined {
    return this.all.find(isDeferred);
  }

  /** A deferred request whose backoff has ended. */
  due(now: number): RequestedRun | undefined {
    return this.all.find(({ notBefore }) => notBefore !== undefined && notBefore <= now);
  }

  /** Requests that can be run now, oldest first. */
  ready(now: number): RequestedRun[] {
    return this.all.filter(({ notBefore = -Infinity }) => notBefore <= now);
  }

  /** When the first request can be run (`-Infinity`: at once); undefined when none waits. */
  get nextAt(): number | undefined {
    const times = this.all.map(({ notBefore = -Infinity }) => notBefore);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /**
   * After a run that ended by itself: makes the same changes as the coordinator.
   * @param request the request that the run served, with its number of attempts
   */
  ended({ kind, run, retry, leased }: Release, request: RequestedRun | undefined, notBefore?: number): void {
    if (kind !== 'done') return;
    if (retry || run?.outcome === 'succeeded') this.dropDeferred();
    if (!retry || notBefore === undefined) return;
    const newer = leased && this.all.find(({ trigger, attempts }) => trigger !== 'manual' && attempts === 0);
    if (newer) this.all = this.all.map((other) => (other === newer ? { ...other, notBefore } : other));
    else if (request) this.add({ ...request, notBefore });
  }
}

function isDeferred({ notBefore }: RequestedRun): boolean {
  return notBefore !== undefined;
}
