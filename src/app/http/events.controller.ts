import { Controller, Get, Query, UseFilters } from '@nestjs/common';
import { LimitPipe } from '../../core/dashboard/limit.pipe.js';
import { toWire, type Wire } from '../../core/dashboard/wire.js';
import { systemClaims, withClaims } from '../../modules/auth/claims.js';
import { type StoredEvent } from '../../modules/events/event.js';
import { EventBus } from '../../modules/events/event-bus.js';
import { InvalidInputFilter } from './invalid-input.filter.js';

/** What happened, newest first. Open to read, as the app listens on the loopback interface alone. */
@Controller('events')
@UseFilters(InvalidInputFilter)
export class EventsController {
  constructor(private readonly events: EventBus) {}

  @Get()
  async recent(
    @Query('type') type: string | undefined,
    @Query('limit', LimitPipe) limit: number,
  ): Promise<Wire<StoredEvent>[]> {
    const { items } = await withClaims(systemClaims('http'), () => this.events.recent({ type, limit }));
    return items.map(toWire);
  }
}
