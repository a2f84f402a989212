import { OUTCOMES } from '../../core/dashboard/shown-run.js';
import { type OpenApiSchema, type OperationDocs } from '../../core/http/openapi.js';
import { SCHEDULE_STATES } from './schedule.js';

const text = { type: 'string' };
const whole = { type: 'integer' };
const instant = { type: 'string', format: 'date-time' };
const ms = { type: 'integer', description: 'Milliseconds' };

const COUNTS = { runs: whole, failures: whole, missed: whole };

const handlerSchema: OpenApiSchema = {
  type: 'object',
  required: ['id', 'handler', 'state', 'schedules', ...Object.keys(COUNTS)],
  properties: {
    id: text,
    handler: text,
    state: { type: 'string', enum: ['known', 'unknown'], description: 'Whether a replica has it' },
    known: { type: 'boolean' },
    ...Object.fromEntries(
      ['schedules', 'running', 'paused', 'ended', 'failing', 'overdue'].map((name) => [name, whole]),
    ),
    ...COUNTS,
    next_run: instant,
  },
};

const PROPERTIES = {
  handler: text,
  key: text,
  group: text,
  timing: {
    type: 'object',
    description: 'Lengths and instants are milliseconds',
    properties: {
      every: ms,
      cron: text,
      time_zone: text,
      at: ms,
      jitter: ms,
      starts_at: ms,
      until: ms,
      limit: whole,
      catch_up: ms,
    },
  },
  state: { type: 'string', enum: SCHEDULE_STATES },
  slot: instant,
  next_run: instant,
  attempt: whole,
  created_at: instant,
  changed_at: instant,
  turns: whole,
  ...COUNTS,
  consecutive_failures: whole,
  last_outcome: {
    type: 'string',
    enum: [...OUTCOMES.filter((name) => name !== 'running'), 'unknown_handler'],
  },
  last_run: { ...text, description: 'Id of the run' },
  last_started_at: instant,
  last_ended_at: instant,
  last_error: text,
};

const REQUIRED = ['handler', 'key', 'timing', 'state', 'attempt', 'turns', 'created_at', 'changed_at'];

const shownSchema: OpenApiSchema = { type: 'object', required: REQUIRED, properties: PROPERTIES };

const scheduleSchema: OpenApiSchema = {
  type: 'object',
  required: REQUIRED,
  properties: { ...PROPERTIES, payload: { description: 'Any JSON' } },
};

/** How each request is documented. */
export const DOCS = {
  list: {
    summary: 'Schedules, by handler and key, without their payloads',
    query: {
      handler: text,
      key_prefix: { ...text, description: 'Of one handler' },
      state: { type: 'string', enum: SCHEDULE_STATES },
      limit: { ...whole, minimum: 1, maximum: 1_000, default: 50 },
      after: { ...text, description: '`next` of the page before' },
    },
    answer: {
      description: 'A page',
      schema: {
        type: 'object',
        required: ['items'],
        properties: { items: { type: 'array', items: shownSchema }, next: text },
      },
    },
  },
  handlers: {
    summary: 'Each handler that has schedules',
    answer: {
      description: 'By name',
      schema: {
        type: 'object',
        required: ['items'],
        properties: { items: { type: 'array', items: handlerSchema } },
      },
    },
  },
  show: {
    summary: 'One schedule, with its payload and its next runs',
    answer: {
      description: 'The schedule',
      schema: {
        ...scheduleSchema,
        properties: {
          ...PROPERTIES,
          payload: { description: 'Any JSON' },
          upcoming: { type: 'array', items: instant },
        },
      },
    },
  },
  pause: {
    summary: 'Runs no slot until it is resumed',
    answer: { description: 'What the schedule is then', schema: scheduleSchema },
  },
  resume: {
    summary: 'Ends a pause',
    answer: { description: 'What the schedule is then', schema: scheduleSchema },
  },
  trigger: {
    summary: 'Runs it once now, beside its slots',
    answer: { status: 202, description: 'It has not begun yet', schema: scheduleSchema },
  },
  remove: {
    summary: 'Removes it with its counts',
    answer: {
      description: 'It is gone',
      schema: { type: 'object', properties: { removed: { type: 'boolean' } } },
    },
  },
} satisfies Record<string, OperationDocs>;

/** What a cancellation of a run answers. */
export const cancelAnswer: OperationDocs['answer'] = {
  status: 202,
  description: 'Its signal aborts; it has not ended yet',
  schema: scheduleSchema,
};
