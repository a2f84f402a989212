import { Module } from '@nestjs/common';
import { EventBus } from './event-bus.js';
import { EventBusSource } from './event-bus.source.js';
import { EventRetention } from './event-retention.js';
import { EventLog } from './event.log.js';
import { PostgresEventBus } from './postgres-event-bus.js';

/** Provides the `EventBus`, on Postgres, and lets workers run on its events. Needs the `DatabaseModule`. */
@Module({
  providers: [EventLog, EventBusSource, EventRetention, { provide: EventBus, useClass: PostgresEventBus }],
  exports: [EventBus],
})
export class EventsModule {}
