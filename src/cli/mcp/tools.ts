import { z } from 'zod';
import { type Api } from './api.js';
import { type FailedRun, groupErrors } from './group-errors.js';

/** What a model can ask for. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly input: z.ZodRawShape;
  /** It changes something: only there where actions are allowed. */
  readonly action?: boolean;
  /** @param given what `input` takes, checked */
  call(api: Api, given: Record<string, unknown>): Promise<unknown>;
}

const NOT_WELL = 'failed,timed_out,aborted,lost';

const name = z.string().min(1).max(200).describe('Name of the worker');
const runId = z.uuid().describe('Id of the run');
const limit = z.int().min(1).max(200).default(20);
const instant = z.iso.datetime({ offset: true }).optional();

interface Worker {
  name: string;
  state: string;
  conditions: string[];
  consecutive_failures: number;
}

/** A tool with the type of what its input takes. */
function tool<Input extends z.ZodRawShape>(
  given: Omit<Tool, 'input' | 'call'> & {
    input: Input;
    call(api: Api, given: z.infer<z.ZodObject<Input>>): Promise<unknown>;
  },
): Tool {
  return given as unknown as Tool;
}

export const TOOLS: readonly Tool[] = [
  tool({
    name: 'list_workers',
    description: 'All workers: state, conditions, last error, next run, counts. Begin here.',
    input: {
      search: z.string().max(200).optional().describe('Part of the name'),
      in_trouble: z
        .boolean()
        .default(false)
        .describe('Only those that are stale, failing, stuck or have failed last'),
    },
    call: async (api, { search = '', in_trouble }) =>
      itemsOf(await api.get<Worker[] | { items: Worker[] }>('workers')).filter(
        (worker) =>
          worker.name.toLowerCase().includes(search.toLowerCase()) && (!in_trouble || isInTrouble(worker)),
      ),
  }),
  tool({
    name: 'get_worker',
    description: 'One worker with its last runs.',
    input: { name, runs: z.int().min(1).max(50).default(10).describe('How many of its last runs') },
    call: async (api, { name: worker, runs }) => ({
      worker: await api.get(`workers/${encodeURIComponent(worker)}`),
      ...(await lastRuns(api, worker, runs)),
    }),
  }),
  tool({
    name: 'list_runs',
    description:
      'Runs of all workers or of one, newest first; `next` of a page is `before` of the request for the next.',
    input: {
      worker: name.optional(),
      outcome: z
        .string()
        .max(200)
        .optional()
        .describe(`One or several, separated by commas, such as ${NOT_WELL}`),
      trigger: z.enum(['schedule', 'manual', 'event', 'catch_up', 'retry']).optional(),
      since: instant,
      until: instant,
      text: z.string().max(500).optional().describe('In the class or message of the error'),
      key: z.string().max(300).optional().describe('Of the stored schedule that they were for'),
      before: z.string().max(200).optional(),
      limit,
    },
    call: (api, given) => api.get('runs', given),
  }),
  tool({
    name: 'get_run',
    description: 'One run with its error, causes, stack, progress, metrics and log lines.',
    input: { id: runId },
    call: (api, { id }) => api.get(`runs/${id}`),
  }),
  tool({
    name: 'list_errors',
    description:
      'What runs did not succeed for, grouped by worker and message: how often, since when, and an example.',
    input: {
      worker: name.optional(),
      since: instant,
      limit: z
        .int()
        .min(1)
        .max(1_000)
        .default(200)
        .describe('How many of the last runs that did not succeed are looked at'),
    },
    call: async (api, given) => {
      const { items } = await api.get<{ items: FailedRun[] }>('runs', { ...given, outcome: NOT_WELL });
      return groupErrors(items);
    },
  }),
  tool({
    name: 'list_incidents',
    description:
      'What is wrong now, or was: missed, failing, stuck, lost, stale, slow, over_budget, did_nothing.',
    input: {
      state: z.enum(['open', 'closed']).default('open'),
      subject: z.string().max(300).optional().describe('Name of the worker'),
      condition: z.string().max(100).optional(),
      before: z.string().max(200).optional(),
      limit,
    },
    call: (api, given) => api.get('incidents', given),
  }),
  tool({
    name: 'trigger_worker',
    description: 'Starts a run of a worker now.',
    action: true,
    input: { name, payload: z.json().optional().describe('Handed to the run as context.payload') },
    call: (api, { name: worker, payload }) =>
      api.post(`workers/${encodeURIComponent(worker)}/trigger`, {}, payload),
  }),
  tool({
    name: 'cancel_run',
    description: 'Ends a run that is active or waits: its signal aborts.',
    action: true,
    input: { id: runId, reason: z.string().max(500).optional() },
    call: (api, { id, reason }) => api.post(`runs/${id}/cancel`, {}, reason === undefined ? {} : { reason }),
  }),
  tool({
    name: 'pause_worker',
    description: 'No more runs of a worker until it is resumed; an active one goes on.',
    action: true,
    input: { name },
    call: (api, { name: worker }) => api.post(`workers/${encodeURIComponent(worker)}/pause`),
  }),
  tool({
    name: 'resume_worker',
    description: 'Goes on with the next slot of a worker.',
    action: true,
    input: { name },
    call: (api, { name: worker }) => api.post(`workers/${encodeURIComponent(worker)}/resume`),
  }),
  tool({
    name: 'silence_incidents',
    description:
      'Keeps incidents from being told until the silence ends: those of a worker, of a condition, or of both.',
    action: true,
    input: {
      subject: z.string().min(1).max(300).describe('Name of the worker'),
      condition: z.string().min(1).max(100).optional(),
      for: z
        .string()
        .regex(/^\d+(?:\.\d+)?(?:s|m|h|d)$/)
        .describe('Length of time, such as 2h'),
      reason: z.string().min(1).max(1_000),
    },
    call: (api, given) => api.post('incidents/silences', {}, given),
  }),
];

function isInTrouble({ conditions, consecutive_failures, state }: Worker): boolean {
  return conditions.length > 0 || consecutive_failures > 0 || state === 'stuck';
}

/** The items of a list, whether or not it comes in pages. */
async function lastRuns(api: Api, worker: string, limit: number): Promise<{ runs: unknown[] }> {
  const { items } = await api.get<{ items: unknown[] }>(`workers/${encodeURIComponent(worker)}/runs`, {
    limit,
  });
  return { runs: items };
}

function itemsOf<T>(list: T[] | { items: T[] }): T[] {
  return Array.isArray(list) ? list : list.items;
}
