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
    key: { ...text, description: 'Of the stored schedule that it was for' },
    fencing_token: whole,
    attempt: whole,
    scheduled_at: instant,
    started_at: instant,
    ended_at: instant,
    outcome: { type: 'string', enum: OUTCOMES },
    error: record,
    progress,
    shards: {
      type: 'object',
      required: ['total', 'done', 'failed'],
      properties: { total: whole, done: whole, failed: whole },
    },
    blocked_ms: ms,
    metrics: { type: 'object', additionalProperties: { type: 'number' } },
    payload_omitted: { ...flag, description: 'It was given more than is kept' },
    lateness_ms: ms,
  },
}; // prettier-ignore

export const replicaSchema: OpenApiSchema = {
  type: 'object',
  required: ['id', 'host', 'pid', 'started_at', 'alive'],
  properties: {
    id: uuid,
    host: text,
    pid: whole,
    started_at: instant,
    release: text,
    alive: flag,
    seen_at: { ...instant, description: 'When it last said that it lives; absent when it is gone' },
    this: { ...flag, description: 'It is the one that answers' },
  },
};

export const wholeRunSchema: OpenApiSchema = {
  ...runSchema,
  properties: {
    ...(runSchema['properties'] as object),
    payload: { description: 'What it was given: any JSON' },
    log: {
      type: 'object',
      required: ['lines', 'dropped'],
      properties: {
        lines: {
          type: 'array',
          items: {
            type: 'object',
            required: ['at', 'level', 'message'],
            properties: { at: instant, level: text, message: text },
          },
        },
        dropped: { ...whole, description: 'Earlier lines that were not kept' },
      },
    },
    ran_on: replicaSchema,
  },
};

const timing = {
  interval_ms: ms,
  cron: text,
  time_zone: text,
  utc_offset: { ...whole, description: 'Minutes' },
  at: instant,
};

const definitionSchema: OpenApiSchema = {
  type: 'object',
  description: 'What it was given, with defaults',
  required: [
    'defined_in', 'enabled', 'scope', 'overlap', 'spacing', 'record', 'max_attempts', 'run_on_start', 'unref', 'on', 'catch_up',
  ],
  properties: {
    ...timing,
    defined_in: text,
    enabled: flag,
    scope: { type: 'string', enum: ['cluster', 'replica'] },
    overlap: { type: 'string', enum: ['skip', 'queueOne', 'cancelRunning', 'allow'] },
    spacing: { type: 'string', enum: ['slot', 'delay', 'start'] },
    record: { type: 'string', enum: ['all', 'failures', 'none'] },
    max_attempts: whole,
    run_on_start: flag,
    unref: flag,
    on: { type: 'array', items: text },
    jitter: { oneOf: [text, { type: 'number' }] },
    timeout_ms: ms,
    lease_ms: ms,
    catch_up: { oneOf: [ms, { type: 'string', enum: ['always', 'by_schedule'] }] },
    start_deadline_ms: ms,
    backoff: {
      type: 'object',
      properties: { initial_ms: ms, factor: { type: 'number' }, max_ms: ms },
    },
    isolate: { type: 'string', enum: ['thread', 'process'], description: 'Absent: in the main thread' },
    limit: whole,
    until: instant,
    rescheduled: { type: 'object', description: 'The schedule that holds now', properties: timing },
  },
}; // prettier-ignore

export const wholeWorkerSchema: OpenApiSchema = {
  ...workerSchema,
  required: [...(workerSchema['required'] as string[]), 'definition'],
  properties: { ...(workerSchema['properties'] as object), definition: definitionSchema },
};

export const bulkSchema: OpenApiSchema = {
  type: 'object',
  required: ['changed', 'failed'],
  properties: {
    changed: { type: 'array', items: text },
    failed: {
      type: 'array',
      items: { type: 'object', required: ['name', 'detail'], properties: { name: text, detail: text } },
    },
  },
};

export const upcomingSchema: OpenApiSchema = {
  type: 'object',
  required: ['items'],
  properties: {
    items: {
      type: 'array',
      items: {
        type: 'object',
        required: ['worker', 'at'],
        properties: { worker: text, at: instant, time_zone: text },
      },
    },
  },
};

export const upcomingQuery: Readonly<Record<string, OpenApiSchema>> = {
  limit: { ...whole, minimum: 1, maximum: 1_000 },
};

export const runPageSchema: OpenApiSchema = {
  type: 'object',
  required: ['items'],
  properties: {
    items: { type: 'array', items: runSchema },
    next: { ...text, description: '`before` of the request for the next page' },
  },
};

export const startedSchema: OpenApiSchema = {
  type: 'object',
  required: ['run_id'],
  properties: { run_id: uuid },
};

/** A run that was waited for, and has ended. */
export const endedSchema: OpenApiSchema = {
  ...wholeRunSchema,
  required: [...(wholeRunSchema['required'] as string[]), 'run_id'],
  properties: { ...(wholeRunSchema['properties'] as object), run_id: uuid },
};

export const cancellationSchema: OpenApiSchema = {
  type: 'object',
  properties: { actor: text, reason: text },
};

/** Filters of lists of runs. */
export const runQuery: Readonly<Record<string, OpenApiSchema>> = {
  limit: { ...whole, minimum: 1, maximum: 1_000, default: 50 },
  outcome: { ...text, description: `One or several of ${OUTCOMES.join(', ')}, separated by commas` },
  trigger: { type: 'string', enum: TRIGGERS },
  since: instant,
  until: instant,
  text: { ...text, description: 'In the class or message of the error or of its reasons' },
  key: { ...text, description: 'Of the stored schedules that they were for' },
  before: { ...text, description: '`next` of the page before' },
};
