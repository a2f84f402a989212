import { type OpenApiSchema } from '../http/openapi.js';
import { OUTCOMES, TRIGGERS } from './shown-run.js';

const text = { type: 'string' };
const whole = { type: 'integer' };
const flag = { type: 'boolean' };
const instant = { type: 'string', format: 'date-time' };
const uuid = { type: 'string', format: 'uuid' };
const ms = { type: 'integer', description: 'Milliseconds' };
const record = { type: 'object', additionalProperties: true };

const progress = {
  type: 'object',
  properties: { done: { type: 'number' }, total: { type: 'number' }, message: text },
};

export const workerSchema: OpenApiSchema = {
  type: 'object',
  required: [
    'name', 'interval', 'running', 'run_count', 'state', 'active_runs', 'consecutive_failures', 'skipped_count',
    'missed_count', 'critical', 'conditions', 'source',
  ],
  properties: {
    name: text,
    description: text,
    group: text,
    interval: { ...ms, description: 'Milliseconds; 0 for event-driven and for cron' },
    cron: text,
    running: flag,
    last_run: instant,
    last_error: text,
    run_count: whole,
    state: { type: 'string', enum: ['idle', 'executing', 'paused', 'stuck', 'stopped', 'ended'] },
    active_runs: whole,
    until: instant,
    remaining_runs: whole,
    next_run: instant,
    last_success: instant,
    last_duration_ms: ms,
    consecutive_failures: whole,
    skipped_count: whole,
    missed_count: whole,
    superseded_count: whole,
    lost_count: whole,
    progress,
    holder: { ...uuid, description: 'Replica that runs it now' },
    last_change: {
      type: 'object',
      properties: { change: { type: 'string', enum: ['paused', 'resumed', 'rescheduled'] }, at: instant, actor: text },
    },
    critical: flag,
    conditions: { type: 'array', items: { type: 'string', enum: ['stale', 'failing', 'stuck'] } },
    source: {
      type: 'string',
      enum: ['cluster', 'replica'],
      description: 'Whose knowledge it is: `replica` is the memory of the replica that answers',
    },
  },
}; // prettier-ignore

export const runSchema: OpenApiSchema = {
  type: 'object',
  required: ['id', 'worker', 'replica', 'trigger', 'attempt', 'scheduled_at', 'started_at', 'outcome', 'lateness_ms'],
  properties: {
    id: uuid,
    worker: text,
    replica: uuid,
    trigger: { type: 'string', enum: TRIGGERS },
    actor: text,
    release: text,
    slot: instant,
    attempt: whole,
    scheduled_at: instant,
    started_at: instant,
    ended_at: instant,
    outcome: { type: 'string', enum: OUTCOMES },
    error: record,
    progress,
    blocked_ms: ms,
    metrics: { type: 'object', additionalProperties: { type: 'number' } },
    log: { ...record, description: 'Of `GET /runs/:id` alone' },
    lateness_ms: ms,
  },
}; // prettier-ignore

export const runsSchema: OpenApiSchema = { type: 'array', items: runSchema };

export const runPageSchema: OpenApiSchema = {
  type: 'object',
  required: ['items'],
  properties: {
    items: runsSchema,
    next: { ...text, description: '`before` of the request for the next page' },
  },
};

export const startedSchema: OpenApiSchema = {
  type: 'object',
  required: ['run_id'],
  properties: { run_id: uuid },
};

export const cancellationSchema: OpenApiSchema = {
  type: 'object',
  properties: { actor: text, reason: text },
};

/** What lists of runs can be narrowed by. */
export const runQuery: Readonly<Record<string, OpenApiSchema>> = {
  limit: { ...whole, minimum: 1, maximum: 1_000, default: 50 },
  outcome: { ...text, description: `One or several of ${OUTCOMES.join(', ')}, separated by commas` },
  trigger: { type: 'string', enum: TRIGGERS },
  since: instant,
  until: instant,
  text: { ...text, description: 'In the class or message of the error or of its reasons' },
  before: { ...text, description: '`next` of the page before' },
};
