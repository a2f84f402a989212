import { Get, Query } from '@nestjs/common';
import { DashboardTab } from '../../core/http/dashboard-tab.js';
import { limit, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWirePage, type WirePage } from '../../core/http/wire.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { type StoredEvent } from './event.js';
import { EventBus } from './event-bus.js';

/** What happened, newest first. */
@ControlPlaneController('events')
@DashboardTab({
  id: 'events',
  title: 'Events',
  description: 'What the control plane told of, newest first.',
  empty: 'Nothing was told yet.',
  pageBy: 'before',
  filters: [{ name: 'type', title: 'Type, such as instance.running' }],
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
    @Query(new QueryPipe({ type: text(), limit: limit(), before: text() }))
    query: {
      type?: string;
      limit: number;
      before?: string;
    },
  ): Promise<WirePage<StoredEvent>> {
    return toWirePage(await this.events.recent(query));
  }
}
