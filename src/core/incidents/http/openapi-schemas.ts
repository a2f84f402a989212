import { type OpenApiSchema } from '../../http/openapi.js';

const text = { type: 'string' };
const instant = { type: 'string', format: 'date-time' };
const uuid = { type: 'string', format: 'uuid' };

export const incidentSchema: OpenApiSchema = {
  type: 'object',
  required: ['id', 'kind', 'subject', 'condition', 'summary', 'opened_at'],
  properties: {
    id: uuid,
    kind: { ...text, description: '`worker`, or what the application reports' },
    subject: { ...text, description: 'Name of the worker' },
    condition: text,
    summary: text,
    run_id: { ...uuid, description: 'Run that showed it' },
    release: text,
    opened_at: instant,
    closed_at: { ...instant, description: 'Absent while it is open' },
    told_at: { ...instant, description: 'Absent while a silence keeps it from being told' },
  },
};

export const silenceSchema: OpenApiSchema = {
  type: 'object',
  required: ['id', 'until', 'created_at'],
  properties: {
    id: uuid,
    kind: text,
    subject: text,
    condition: text,
    until: instant,
    created_at: instant,
    reason: text,
    actor: text,
  },
};

export const newSilenceSchema: OpenApiSchema = {
  type: 'object',
  properties: {
    kind: text,
    subject: { ...text, description: 'Name of the worker; absent: all' },
    condition: text,
    for: { ...text, description: 'Length of time such as `2h`; this or `until`' },
    until: instant,
    reason: text,
  },
};

export const deliverySchema: OpenApiSchema = {
  type: 'object',
  required: ['id', 'incident', 'event', 'endpoint', 'state', 'attempts', 'created_at'],
  properties: {
    id: { ...uuid, description: 'The `webhook-id`' },
    incident: incidentSchema,
    event: { type: 'string', enum: ['incident.opened', 'incident.closed'] },
    endpoint: { ...text, description: 'Name of the webhook' },
    state: { type: 'string', enum: ['pending', 'delivered', 'failed'] },
    attempts: { type: 'integer' },
    created_at: instant,
    due_at: instant,
    delivered_at: instant,
    status: { type: 'integer', description: 'Of the last answer' },
    error: { ...text, description: 'Of the last attempt' },
  },
};

export function pageSchema(items: OpenApiSchema): OpenApiSchema {
  return {
    type: 'object',
    required: ['items'],
    properties: {
      items: { type: 'array', items },
      next: { ...text, description: '`before` of the request for the next page' },
    },
  };
}

export const pageQuery: Readonly<Record<string, OpenApiSchema>> = {
  limit: { type: 'integer', minimum: 1, maximum: 1_000, default: 50 },
  before: { ...text, description: '`next` of the page before' },
};
