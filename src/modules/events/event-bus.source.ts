import { Injectable, Logger, type OnModuleInit, Optional } from '@nestjs/common';
import { type EventSource, EventSources } from '../../core/scheduler/event-sources.js';
import { EventBus } from './event-bus.js';
import { eventType } from './event.js';

/**
 * Lets workers run on the events of the control plane: `@Interval('…', 0, { on: ['instance.failed'] })`, with the
 * stored event as payload. As every handler, they hear what is published while their process is up; what must be done in
 * any case is looked for at an interval as well.
 */
@Injectable()
export class EventBusSource implements EventSource, OnModuleInit {
  private readonly logger = new Logger('Events');

  constructor(
    private readonly bus: EventBus,
    /** Absent in an application without workers. */
    @Optional() private readonly sources?: EventSources,
  ) {}

  onModuleInit(): void {
    this.sources?.add(this);
  }

  subscribe(type: string, handler: (event: unknown) => void): () => void {
    const checked = eventType.safeParse(type);
    if (checked.success) return this.bus.subscribe(type, handler);
    // Another source may tell of it.
    this.logger.warn(
      `A worker runs on events that the event bus never tells: ${checked.error.issues[0]!.message}`,
    );
    return () => undefined;
  }
}
