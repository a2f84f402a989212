import { Injectable, Logger } from '@nestjs/common';
import { Observable, type Observer, type Operator, Subject, Subscription } from 'rxjs';
import { type Incident, type IncidentEventType } from '../history/incident.js';
import { type EndedRun, type Run } from '../history/run.js';
import { classAndMessageOf } from '../text/describe-error.js';

/** Something that happened to a run, or to one that did not take place. The record is the live one while the run is active. */
export type WorkerEvent =
  | { readonly type: 'run.started'; readonly worker: string; readonly run: Run }
  /** Its timeout has passed, and its signal has aborted; it has not ended yet. When it does, `run.timed_out` follows. */
  | { readonly type: 'run.overdue'; readonly worker: string; readonly run: Run }
  | {
      readonly type: 'run.succeeded' | 'run.failed' | 'run.timed_out' | 'run.aborted' | 'run.cancelled';
      readonly worker: string;
      readonly run: EndedRun;
    }
  /**
   * Its replica fell silent, or had lost its lease before the run ended. Told by the replica that finds that out, and by
   * its own one if that comes back: then they are two events of one run.
   */
  | { readonly type: 'run.lost'; readonly worker: string; readonly run: EndedRun }
  /**
   * This many runs that were due did not take place. `run.skipped`: another one was active, a newer one took their place, the
   * worker backed off, or they were too late. `run.missed`: nobody looked. In a cluster told by the replica that counts
   * them. No slot: an event, which the worker had no place for, or slots of before the wall clock was set.
   */
  | {
      readonly type: 'run.skipped' | 'run.missed';
      readonly worker: string;
      /** The latest of them. */
      readonly slot?: Date;
      readonly count: number;
    }
  /** Something is wrong, or is so no more, as `IncidentsModule` finds; told by the replica that finds it. */
  | {
      readonly type: IncidentEventType;
      /** What the incident is of: the worker, where its `kind` is `worker`. */
      readonly worker: string;
      readonly incident: Incident;
    };

/** Tells the life of all runs of this replica to whoever subscribes. Costs nothing while nobody does. */
@Injectable()
export class WorkerEvents {
  private readonly subject = new Subject<WorkerEvent>();
  readonly events$: Observable<WorkerEvent> = new HarmlessObservable(this.subject);
  /** Somebody tells of workers that fail or are stale as incidents, in the log too: it is not to be said twice. */
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

  /** @param slot the latest of them, milliseconds since the epoch */
  passed(type: 'run.skipped' | 'run.missed', worker: string, count: number, slot: number | undefined): void {
    if (!this.subject.observed || count <= 0) return;
    this.subject.next({ type, worker, count, ...(slot !== undefined && { slot: new Date(slot) }) });
  }
}

/**
 * An observable whose subscribers cannot end the process. RxJS throws what a subscriber throws from a timer of its
 * own, where nothing can catch it; here it is logged, also behind operators.
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
    // Operators, and `firstValueFrom`, hand in a subscriber and end that, not what is returned here.
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
