import { Injectable, Logger } from '@nestjs/common';
import { Observable, type Observer, type Operator, Subject, Subscription } from 'rxjs';
import { type Incident, type IncidentEventType } from '../history/incident.js';
import { type EndedRun, type Run } from '../history/run.js';
import { classAndMessageOf } from '../text/describe-error.js';

/** An event of a run, or of runs that did not take place. While a run is active, `run` is its live record. */
export type WorkerEvent =
  | { readonly type: 'run.started'; readonly worker: string; readonly run: Run }
  /** Its timeout has passed and its signal has aborted, but it has not ended. When it ends, `run.timed_out` follows. */
  | { readonly type: 'run.overdue'; readonly worker: string; readonly run: Run }
  | {
      readonly type: 'run.succeeded' | 'run.failed' | 'run.timed_out' | 'run.aborted' | 'run.cancelled';
      readonly worker: string;
      readonly run: EndedRun;
    }
  /**
   * Its replica stopped answering, or lost its lease before the run ended. Emitted by the replica that detects it,
   * and by the run's own replica if that comes back: then there are two events of one run.
   */
  | { readonly type: 'run.lost'; readonly worker: string; readonly run: EndedRun }
  /**
   * `count` runs that were due did not take place. `run.skipped`: another run was active, a newer one took their
   * place, the worker backed off, or they were too late. `run.missed`: no replica was running, or its event loop was
   * blocked. In a cluster emitted by the replica that counts them. `slot` is absent for an event that was refused,
   * and for slots from before the wall clock was set.
   */
  | {
      readonly type: 'run.skipped' | 'run.missed';
      readonly worker: string;
      /** The latest slot of these runs. */
      readonly slot?: Date;
      readonly count: number;
    }
  /** An incident of `IncidentsModule` was opened or closed. Emitted by the replica that did it. */
  | {
      readonly type: IncidentEventType;
      /** Subject of the incident: the name of the worker when its `kind` is `worker`. */
      readonly worker: string;
      readonly incident: Incident;
    };

/** Emits events of all runs of this replica. Costs nothing without subscribers. */
@Injectable()
export class WorkerEvents {
  private readonly subject = new Subject<WorkerEvent>();
  readonly events$: Observable<WorkerEvent> = new HarmlessObservable(this.subject);
  /** Whether `IncidentsModule` logs failing and stale workers, so that they are not logged twice. */
  judged = false;

  started(run: Run): void {
    if (this.subject.observed) this.subject.next({ type: 'run.started', worker: run.worker, run });
  }

  overdue(run: Run): void {
    if (this.subject.observed) this.subject.next({ type: 'run.overdue', worker: run.worker, run });
  }

  ended(run: EndedRun): void {
    if (!this.subject.observed || run.outcome === 'running') return;
    this.subject.next({ type: `run.${run.outcome}`, worker: run.worker, run });
  }

  incident(type: IncidentEventType, incident: Incident): void {
    if (this.subject.observed) this.subject.next({ type, worker: incident.subject, incident });
  }

  /** @param slot the latest slot of these runs, milliseconds since the epoch */
  passed(type: 'run.skipped' | 'run.missed', worker: string, count: number, slot: number | undefined): void {
    if (!this.subject.observed || count <= 0) return;
    this.subject.next({ type, worker, count, ...(slot !== undefined && { slot: new Date(slot) }) });
  }
}

/**
 * An observable whose subscribers cannot end the process. RxJS rethrows an error of a subscriber in a timer, where
 * nothing can catch it; here it is logged, also behind operators.
 */
class HarmlessObservable<T> extends Observable<T> {
  private static readonly logger = new Logger('Workers');

  constructor(source?: Observable<T>) {
    super();
    this.source = source;
  }

  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new HarmlessObservable<R>();
    lifted.source = this as unknown as Observable<R>;
    lifted.operator = operator as Operator<unknown, R> | undefined;
    return lifted;
  }

  override subscribe(observer?: Partial<Observer<T>> | ((value: T) => void) | null): Subscription {
    const given: Partial<Observer<T>> =
      typeof observer === 'function' ? { next: observer } : (observer ?? {});
    const subscription = super.subscribe({
      next: (value) => HarmlessObservable.guard(() => given.next?.(value)),
      error: (error) =>
        HarmlessObservable.guard(() => (given.error ? given.error(error) : HarmlessObservable.log(error))),
      complete: () => HarmlessObservable.guard(() => given.complete?.()),
    });
    // Operators and `firstValueFrom` pass a subscriber and end that, not the subscription that is returned here.
    if (given instanceof Subscription) given.add(subscription);
    return subscription;
  }

  private static guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      HarmlessObservable.log(error);
    }
  }

  private static log(error: unknown): void {
    HarmlessObservable.logger.error(`A subscriber of worker events failed: ${classAndMessageOf(error)}`);
  }
}
