import { Get, Query } from '@nestjs/common';
import { DashboardTab } from '../../core/http/dashboard-tab.js';
import { limit, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWire, type Wire } from '../../core/http/wire.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { type StoredEvent } from './event.js';
import { EventBus } from './event-bus.js';

/** What happened, newest first. */
@ControlPlaneController('events')
@DashboardTab({
  id: 'events',
  title: 'Events',
  columns: [
    { key: 'created_at', title: 'when', kind: 'instant' },
    { key: 'type', title: 'what' },
    { key: 'tenant_id', title: 'tenant' },
    { key: 'payload', title: 'details' },
  ],
})
export class EventsController {
  constructor(private readonly events: EventBus) {}

  @Get()
  async recent(
    @Query(new QueryPipe({ type: text(), limit: limit() })) query: { type?: string; limit: number },
  ): Promise<Wire<StoredEvent>[]> {
    const { items } = await this.events.recent(query);
    return items.map(toWire);
  }
}
