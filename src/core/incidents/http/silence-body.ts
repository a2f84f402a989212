import { BadRequestException } from '@nestjs/common';
import { quoted } from '../../text/visible.js';
import { type Duration } from '../../timing/duration.js';
import { type SilenceRequest } from '../incidents.js';

const FIELDS = ['kind', 'subject', 'condition', 'for', 'until', 'reason'];
const INSTANT = /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/;

/** Reads the body of a request for a silence, whose fields are all texts. `Incidents.silence` checks their values. */
export function silenceOf(body: unknown): SilenceRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw refusal('the body is no object');
  for (const [field, value] of Object.entries(body)) {
    if (!FIELDS.includes(field)) throw refusal(`there is no field ${quoted(field, 40)}`);
    if (typeof value !== 'string') throw refusal(`${field} is no text`);
  }
  const { for: length, until, ...rest } = body as Record<string, string | undefined>;
  if (until !== undefined && !(INSTANT.test(until) && !Number.isNaN(Date.parse(until))))
    throw refusal(`until is no instant such as 2030-01-31T12:00:00Z`);
  return {
    ...rest,
    ...(length !== undefined && { for: length as Duration }),
    ...(until !== undefined && { until: new Date(until) }),
  };
}

function refusal(fault: string): BadRequestException {
  return new BadRequestException(
    `This cannot be: ${fault}. Give { "subject": "…", "condition": "…", "for": "2h", "reason": "…" }, or some of it`,
  );
}
