import { Injectable, Logger } from '@nestjs/common';
import { type Unsubscribe } from '../../events/event-bus.js';
import { type HealthEvent, HealthEvents } from '../health-events.js';

type Handler = Parameters<HealthEvents['subscribe']>[0];

/** Within this process. */
@Injectable()
export class InMemoryHealthEvents extends HealthEvents {
  private readonly logger = new Logger('HealthEvents');
  private readonly handlers = new Set<Handler>();

  async publish(event: HealthEvent): Promise<void> {
    const told = { ...event, createdAt: new Date() };
    for (const handler of this.handlers) {
      try {
        handler(told);
      } catch (error) {
        this.logger.error(error);
      }
    }
  }

  subscribe(handler: Handler): Unsubscribe {
    // A subscription of its own, also where the same function subscribes twice.
    const own: Handler = (event) => handler(event);
    this.handlers.add(own);
    return () => void this.handlers.delete(own);
  }
}
