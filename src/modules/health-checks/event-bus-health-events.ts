import { Injectable } from '@nestjs/common';
import { type StoredEvent } from '../events/event.js';
import { EventBus, type Unsubscribe } from '../events/event-bus.js';
import { HEALTH_EVENTS, type HealthEvent, HealthEvents } from './health-events.js';

/** By the control plane's event bus. */
@Injectable()
export class EventBusHealthEvents extends HealthEvents {
  constructor(private readonly events: EventBus) {
    super();
  }

  async publish({ type, tenantId, payload }: HealthEvent): Promise<void> {
    await this.events.publish({ type, tenantId, payload });
  }

  subscribe(handler: (event: HealthEvent & Pick<StoredEvent, 'createdAt'>) => void): Unsubscribe {
    return this.events.subscribe(HEALTH_EVENTS, (event) =>
      handler(event as unknown as HealthEvent & Pick<StoredEvent, 'createdAt'>),
    );
  }
}
