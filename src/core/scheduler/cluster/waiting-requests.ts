import { type Release } from '../../coordination/coordinator.js';
import { type RequestedRun } from '../../coordination/worker-record.js';

/**
 * The requests of one worker that wait, as a replica knows them. Some wait for the end of a backoff, which are deferred:
 * a run of an event that failed, or what has waited for the end of a run that failed.
 */
export class WaitingRequests {
  /** Oldest first. */
  private all: readonly RequestedRun[] = [];

  /** What a pulse says. */
  replace(requests: readonly RequestedRun[]): void {
    this.all = requests;
  }

  copy({ all }: WaitingRequests): void {
    this.all = all;
  }

  add(request: RequestedRun): void {
    this.all = [...this.all, request];
  }

  /** Under a policy that queues one, a newer one takes the place of those that wait; what is deferred waits on. */
  addInPlace(request: RequestedRun): void {
    this.all = [...this.all.filter(isDeferred), request];
  }

  drop(request: string): void {
    this.all = this.all.filter(({ id }) => id !== request);
  }

  dropDeferred(): void {
    this.all = this.all.filter((request) => !isDeferred(request));
  }

  /** The oldest that can be run at once. */
  get plain(): RequestedRun | undefined {
    return this.all.find((request) => !isDeferred(request));
  }

  get deferred(): RequestedRun | undefined {
    return this.all.find(isDeferred);
  }

  /** What has waited long enough for a backoff. */
  due(now: number): RequestedRun | undefined {
    return this.all.find(({ notBefore }) => notBefore !== undefined && notBefore <= now);
  }

  /** Those that can be run, oldest first. */
  ready(now: number): RequestedRun[] {
    return this.all.filter(({ notBefore = -Infinity }) => notBefore <= now);
  }

  /** When the first of them can be run; undefined when none waits. */
  get nextAt(): number | undefined {
    const times = this.all.map(({ notBefore = -Infinity }) => notBefore);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /**
   * A run has ended by itself: does what the coordinator does. @param request that its run served, with the attempts that
   * were made
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
