export { EventBus, type EventHandler, type RecentEventsQuery, type Unsubscribe } from './event-bus.js';
export { type NewEvent, type StoredEvent } from './event.js';
export { EventsHttpModule } from './events-http.module.js';
export { EventsModule } from './events.module.js';
