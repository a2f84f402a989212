import { type HealthCheckId, type InstanceId, type TenantId } from '../ids/typed-id.js';
import { type HealthEvent, type HealthEvents } from './health-events.js';

export interface WatchQuery {
  /** Only checks of this instance. */
  instanceId?: InstanceId | undefined;
  /** Only this check. */
  checkId?: HealthCheckId | undefined;
}

export type WatchedEvent = HealthEvent & { createdAt: Date };

/** A consumer that reads slower than events come loses the oldest. */
const MOST_WAITING = 1_000;

/** Transitions as they come, until the signal aborts. */
export async function* watchHealth(
  events: HealthEvents,
  tenantId: TenantId,
  { instanceId, checkId, signal }: WatchQuery & { signal: AbortSignal },
): AsyncGenerator<WatchedEvent> {
  const waiting: WatchedEvent[] = [];
  let wake = (): void => undefined;
  const unsubscribe = events.subscribe((event) => {
    if (event.tenantId !== tenantId) return;
    if (instanceId !== undefined && event.payload.instanceId !== instanceId) return;
    if (checkId !== undefined && event.payload.checkId !== checkId) return;
    waiting.push(event);
    if (waiting.length > MOST_WAITING) waiting.shift();
    wake();
  });
  const abort = (): void => wake();
  signal.addEventListener('abort', abort);
  try {
    while (!signal.aborted) {
      const next = waiting.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal.removeEventListener('abort', abort);
    unsubscribe();
  }
}
