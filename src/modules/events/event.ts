import { z } from 'zod';
import { type EventId, type TenantId } from '../ids/typed-id.js';
import { shown } from '../input/input.js';

/** A fact to be told, once. */
export interface NewEvent {
  /** Thing and what became of it, such as `instance.deleted`. */
  type: string;
  /** The tenant that it belongs to; absent for events of the whole control plane. */
  tenantId?: TenantId;
  /** JSON. Never a secret: events are stored, and shown to people. */
  payload: Record<string, unknown>;
}

/** A fact as it is stored. */
export interface StoredEvent extends NewEvent {
  id: EventId;
  /** When it was published, by the database's clock. */
  createdAt: Date;
}

const TYPE = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+$/;

/** The name of a kind of event. */
export const eventType = z.string().regex(TYPE, {
  error: ({ input }) =>
    `${shown(input)} is no event type: use lower case words joined by dots, such as "instance.deleted"`,
});
