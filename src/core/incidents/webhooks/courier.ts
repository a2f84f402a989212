import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { type Delivery } from '../../history/incident.js';
import { type AttemptResult, IncidentStore } from '../../history/incident.store.js';
import { messageOf } from '../../text/describe-error.js';
import { storableText } from '../../text/storable-text.js';
import { Clock } from '../../timing/clock.js';
import { inRootContext } from '../../timing/root-context.js';
import { timeoutSignal } from '../../timing/timer.js';
import { type IncidentRules } from '../incident-rules.js';
import { INCIDENT_RULES } from '../incidents.module-definition.js';
import { messageFor } from './message.js';
import { type Webhook } from './webhook.js';

/** Wait after each failed attempt, in milliseconds. After the last one there is no further attempt. */
export const RETRY_AFTER = [
  5_000, 30_000, 120_000, 600_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000,
] as const;

/** Milliseconds. Longer than any answer may take, so that no other replica sends the same delivery meanwhile. */
const LEASE = 60_000;
/** Most deliveries to a webhook that are sent at a time. */
const TOGETHER = 10;
/** Longest wait that a `Retry-After` can set. Milliseconds. */
const LONGEST_WAIT = 86_400_000;
const LONGEST_ERROR = 500;
/** The receiver wants no more deliveries, by Standard Webhooks. */
const GONE = 410;

/**
 * Sends due deliveries to the webhooks of this application, to each of them beside the others: one that does not answer delays none.
 * A delivery that fails is due again later.
 */
@Injectable()
export class Courier implements OnApplicationShutdown {
  private readonly logger = new Logger('Incidents');
  private readonly webhooks: readonly Webhook[];
  /** What is sent to which webhook now. */
  private readonly sending = new Map<Webhook, Promise<void>>();
  /** Webhooks with deliveries that may have come since their sending took the last ones. */
  private readonly again = new Set<Webhook>();
  private readonly closing = new AbortController();

  constructor(
    @Inject(INCIDENT_RULES) { webhooks }: IncidentRules,
    @Inject(IncidentStore) private readonly store: IncidentStore,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    this.webhooks = webhooks;
  }

  /** Starts to send due deliveries, without waiting. If they cannot be read, the judge's next run starts it again. */
  hurry(): void {
    this.send().catch((error: unknown) => {
      if (!this.closed) this.logger.warn(`Deliveries wait, as they cannot be read: ${messageOf(error)}`);
    });
  }

  /** Sends due deliveries; concurrent calls share one sending. Resolves when none is left. */
  async send(): Promise<void> {
    await Promise.all(this.webhooks.map((webhook) => this.sendTo(webhook)));
  }

  /** What is being sent is sent again by another replica, or after the next start. */
  onApplicationShutdown(): void {
    this.closing.abort();
  }

  private get closed(): boolean {
    return this.closing.signal.aborted;
  }

  private sendTo(webhook: Webhook): Promise<void> {
    let sending = this.sending.get(webhook);
    if (sending) this.again.add(webhook);
    else {
      sending = inRootContext(() => this.sendAll(webhook)).finally(() => this.sending.delete(webhook));
      this.sending.set(webhook, sending);
    }
    return sending;
  }

  private async sendAll(webhook: Webhook): Promise<void> {
    let due = 1;
    while (!this.closed && (due > 0 || this.again.has(webhook))) {
      this.again.delete(webhook);
      const taken = await this.store.takeDue([webhook.name], TOGETHER, LEASE);
      await Promise.all(taken.map((delivery) => this.attempt(delivery, webhook)));
      due = taken.length;
    }
  }

  private async attempt(delivery: Delivery, webhook: Webhook): Promise<void> {
    const result = await this.post(delivery, webhook);
    if (!result.delivered && this.closed) return;
    if (!result.delivered && result.retryIn === undefined)
      this.logger.error(
        `Webhook "${delivery.endpoint}" was not told of incident ${delivery.incident.id}, and is not tried again: ${result.error}`,
      );
    await this.store.settle(delivery, result);
  }

  private async post(delivery: Delivery, webhook: Webhook): Promise<AttemptResult> {
    try {
      const { headers, body } = messageFor(delivery, webhook, this.clock.now());
      const response = await fetch(webhook.url, {
        method: 'POST',
        headers,
        body,
        // A redirect leads to a host that was not configured.
        redirect: 'manual',
        signal: AbortSignal.any([timeoutSignal(webhook.timeout), this.closing.signal]),
      });
      await response.body?.cancel();
      const { status, ok } = response;
      if (ok) return { delivered: true, status };
      const retryIn = status === GONE ? undefined : this.retryIn(delivery, response.headers);
      return { delivered: false, status, error: `It answered with status ${status}`, retryIn };
    } catch (error) {
      const reason = storableText(messageOf(error), LONGEST_ERROR);
      return { delivered: false, error: reason, retryIn: this.retryIn(delivery) };
    }
  }

  /** Milliseconds; undefined after the last attempt. */
  private retryIn({ attempts }: Delivery, asked?: Headers): number | undefined {
    const wait = RETRY_AFTER[attempts - 1];
    if (wait === undefined) return undefined;
    return Math.min(LONGEST_WAIT, Math.max(wait, asked ? askedWait(asked) : 0));
  }
}

/** Milliseconds of a `Retry-After`. A date is compared with that of the answer, as clocks differ. */
function askedWait(headers: Headers): number {
  const asked = headers.get('retry-after') ?? '';
  if (/^\d{1,9}$/.test(asked)) return Number(asked) * 1_000;
  return Date.parse(asked) - Date.parse(headers.get('date') ?? '') || 0;
}
