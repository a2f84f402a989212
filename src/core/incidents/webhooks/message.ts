import { createHmac } from 'node:crypto';
import { type Delivery, type Incident, type IncidentEventType } from '../../history/incident.js';
import { toWire } from '../../http/wire.js';
import { shownDuration } from '../../text/shown-duration.js';
import { type Webhook } from './webhook.js';

/** A request to a webhook. */
export interface WebhookMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The request for a delivery, by Standard Webhooks (https://www.standardwebhooks.com): the id is the same in each
 * attempt, so that the receiver can detect repetitions; the timestamp is that of the attempt, and receivers refuse an old
 * one.
 * @param now milliseconds since the epoch
 */
export function messageFor({ id, incident, event }: Delivery, webhook: Webhook, now: number): WebhookMessage {
  const headers = { 'content-type': 'application/json', 'user-agent': 'ctrlplane-workers' };
  const text = textOf(incident, event);
  if (webhook.format === 'slack') return { headers, body: JSON.stringify({ text }) };
  const { kind, subject, condition, summary, runId, release, openedAt, closedAt } = incident;
  const data = toWire({
    id: incident.id,
    kind,
    subject,
    condition,
    summary,
    ...(runId !== undefined && { runId }),
    ...(release !== undefined && { release }),
    openedAt,
    ...(event === 'incident.closed' && closedAt && { closedAt }),
  });
  const at = (event === 'incident.closed' && closedAt) || openedAt;
  const body = JSON.stringify({ type: event, timestamp: at.toISOString(), data, text });
  const timestamp = String(Math.floor(now / 1_000));
  const signature = createHmac('sha256', webhook.key!).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    headers: {
      ...headers,
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    },
    body,
  };
}

/** A line of text for Slack: its three control characters are escaped, so that no name becomes a link or a mention. */
export function textOf({ summary, openedAt, closedAt }: Incident, event: IncidentEventType): string {
  const told = summary.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  if (event === 'incident.opened' || !closedAt) return `Opened: ${told}`;
  return `Closed after ${shownDuration(closedAt.getTime() - openedAt.getTime())}: ${told}`;
}
