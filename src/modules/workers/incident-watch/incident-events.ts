import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { type Incident } from '../../../core/history/incident.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { type WorkerEvent } from '../../../core/scheduler/worker-events.js';
import { messageOf } from '../../../core/text/describe-error.js';
import { Clock, type Timer } from '../../../core/timing/clock.js';
import { inRootContext } from '../../../core/timing/root-context.js';
import { type NewEvent } from '../../events/event.js';
import { EventBus } from '../../events/event-bus.js';

/** Milliseconds until what could not be published is tried again. */
const RETRY = 5_000;
/** Most events that wait for the database; beyond it the oldest are dropped. The incidents themselves are stored in any case. */
const MOST_WAITING = 1_000;

/**
 * Publishes every incident that this replica opens or closes, of workers too, as an event of the control plane, silenced or not.
 * At most once, like all events: what waits when the process ends is not published later.
 */
@Injectable()
export class IncidentEvents implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Incidents');
  /** In the order in which they happened. */
  private readonly waiting: NewEvent[] = [];
  private publishing = false;
  private retry?: Timer;
  private subscription?: { unsubscribe(): void };

  constructor(
    private readonly scheduler: Scheduler,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.subscription = this.scheduler.events$.subscribe((event) => this.heed(event));
  }

  onApplicationShutdown(): void {
    this.subscription?.unsubscribe();
    this.retry?.cancel();
  }

  private heed(event: WorkerEvent): void {
    if (!('incident' in event)) return;
    this.waiting.push({ type: event.type, payload: payloadOf(event.incident) });
    if (this.waiting.length > MOST_WAITING) this.waiting.shift();
    // Not in a transaction of whoever reports it: the incident is stored even if that fails.
    if (!this.retry) inRootContext(() => void this.publish());
  }

  private async publish(): Promise<void> {
    if (this.publishing) return;
    this.publishing = true;
    this.retry = undefined;
    try {
      for (let event; (event = this.waiting[0]);) {
        await this.events.publish(event);
        // Unless it was dropped meanwhile.
        if (this.waiting[0] === event) this.waiting.shift();
      }
    } catch (error) {
      this.logger.warn(
        `${this.waiting.length} events of incidents wait to be published: ${messageOf(error)}`,
      );
      this.retry = this.clock.setTimer(() => void this.publish(), RETRY, true);
    } finally {
      this.publishing = false;
    }
  }
}

function payloadOf(incident: Incident): Record<string, unknown> {
  const { id, kind, subject, condition, summary, runId, release, openedAt, closedAt } = incident;
  return {
    incidentId: id,
    kind,
    subject,
    condition,
    summary,
    ...(runId !== undefined && { runId }),
    ...(release !== undefined && { release }),
    openedAt: openedAt.toISOString(),
    ...(closedAt && { closedAt: closedAt.toISOString() }),
  };
}
