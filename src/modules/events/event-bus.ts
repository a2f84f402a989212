import { type TenantId } from '../ids/typed-id.js';
import { type Page } from '../database/page.js';
import { type NewEvent, type StoredEvent } from './event.js';

/** Called with one event at a time, in order. What it throws is logged, and the next event comes all the same. */
export type EventHandler = (event: StoredEvent) => unknown;

/** Ends a subscription: the handler is not called again once this returns. */
export type Unsubscribe = () => void;

export interface RecentEventsQuery {
  type?: string | undefined;
  /** Only this tenant's. Without it, the claims must be the system's over all tenants. */
  tenantId?: TenantId | undefined;
  /** Most events to return, 1 to 1000. Default 100. */
  limit?: number | undefined;
  /** `next` of the page before; absent for the newest. */
  before?: string | undefined;
}

/**
 * Facts, told once, kept, and heard by every replica.
 *
 * **Delivery.** A subscriber gets each event committed after it subscribed, in the order of the transactions
 * that published them, one at a time, on every replica. At most once per process: a handler that fails does
 * not get the event again, and what was committed while a process was down is not told to it later. So a
 * handler is for reacting soon; what must happen in any case belongs into a worker that looks for it.
 */
export abstract class EventBus {
  /**
   * Stores the event in the current transaction, if there is one: told when that commits, never when it fails.
   * @throws InvalidInputError when the type is malformed.
   */
  abstract publish(event: NewEvent): Promise<StoredEvent>;

  /**
   * Calls the handler with every event of these types (`'*'`: all) from now on; not with those before. It
   * runs outside the caller's transaction and without claims: it takes its own.
   * @throws InvalidInputError when a type is malformed.
   */
  abstract subscribe(types: string | readonly string[], handler: EventHandler): Unsubscribe;

  /**
   * What was told lately, newest first.
   * @throws UnauthorizedError, ForbiddenError, InvalidInputError, InvalidIdError
   */
  abstract recent(query?: RecentEventsQuery): Promise<Page<StoredEvent>>;
}
