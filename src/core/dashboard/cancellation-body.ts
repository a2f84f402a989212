import { BadRequestException } from '@nestjs/common';
import { type Cancellation } from '../worker/cancellation.js';

const FIELDS = ['actor', 'reason'];

/** Reads the body of a cancellation: `{ actor?, reason? }`, or none. */
export function cancellationOf(body: unknown): Cancellation {
  if (body === undefined || body === null || body === '') return {};
  const fault =
    typeof body !== 'object' || Array.isArray(body)
      ? 'the body is no object'
      : Object.entries(body)
          .map(([field, value]) =>
            !FIELDS.includes(field)
              ? `there is no field ${JSON.stringify(field.slice(0, 40))}`
              : typeof value === 'string'
                ? undefined
                : `${field} is no text`,
          )
          .find((wrong) => wrong !== undefined);
  if (fault === undefined) return body as Cancellation;
  throw new BadRequestException(`This cannot be: ${fault}. Give { "actor": "…", "reason": "…" }, or nothing`);
}
