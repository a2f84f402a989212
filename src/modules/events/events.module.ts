import { Module } from '@nestjs/common';
import { EventBus } from './event-bus.js';
import { EventLog } from './event.log.js';
import { PostgresEventBus } from './postgres-event-bus.js';

/** Provides the `EventBus`, on Postgres. Needs the `DatabaseModule`. */
@Module({
  providers: [EventLog, { provide: EventBus, useClass: PostgresEventBus }],
  exports: [EventBus],
})
export class EventsModule {}
