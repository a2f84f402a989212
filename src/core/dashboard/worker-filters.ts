import { BadRequestException } from '@nestjs/common';
import { flag, oneOf, someOf, text } from '../http/query.pipe.js';
import { type WorkerCondition, type WorkerState } from '../worker/worker-info.js';
import { type ShownWorker } from './shown-worker.js';

const STATES = [
  'idle',
  'executing',
  'paused',
  'stuck',
  'stopped',
  'ended',
] as const satisfies readonly WorkerState[];
const CONDITIONS = ['stale', 'failing', 'stuck'] as const satisfies readonly WorkerCondition[];

/** Filters of a list of workers. */
export const workerFilters = {
  state: someOf(...STATES),
  condition: someOf(...CONDITIONS),
  group: text(),
  source: oneOf('cluster', 'replica'),
  critical: optionalFlag,
  text: text(),
};

export type WorkerFilters = { [K in keyof typeof workerFilters]: ReturnType<(typeof workerFilters)[K]> };

/** Filters of an action on all matching workers; without any filter, `all` is required. */
export const bulkFilters = { ...workerFilters, all: flag() };

export type BulkFilters = WorkerFilters & { all: boolean };

export const workerQuery = {
  state: { type: 'string', description: `One or several of ${STATES.join(', ')}, separated by commas` },
  condition: {
    type: 'string',
    description: `One or several of ${CONDITIONS.join(', ')}, separated by commas`,
  },
  group: { type: 'string', description: 'The group, as it is' },
  source: { type: 'string', enum: ['cluster', 'replica'] },
  critical: { type: 'boolean' },
  text: {
    type: 'string',
    description: 'In the name, description or group; upper and lower case are the same',
  },
};

export const bulkQuery = {
  ...workerQuery,
  all: { type: 'boolean', description: 'All of them, where nothing else is said' },
};

export function matches(
  { state, condition, group, source, critical, text: words }: WorkerFilters,
  worker: ShownWorker,
): boolean {
  return (
    (!state || state.includes(worker.state)) &&
    (!condition || worker.conditions.some((one) => condition.includes(one))) &&
    (group === undefined || worker.group === group) &&
    (source === undefined || worker.source === source) &&
    (critical === undefined || worker.critical === critical) &&
    (words === undefined || says(worker, words.toLowerCase()))
  );
}

/** @throws BadRequestException without filters and without `all`: a forgotten filter would pause everything */
export function requireNarrowed({ all, ...filters }: BulkFilters): void {
  const given = Object.values(filters).some((value) => value !== undefined);
  if (given === all)
    throw new BadRequestException(
      given
        ? 'all=true goes with no other parameter: leave it or the others out'
        : 'Nothing says which workers: give state, condition, group, source, critical or text, or all=true',
    );
}

function says({ name, description = '', group = '' }: ShownWorker, words: string): boolean {
  return [name, description, group].some((part) => part.toLowerCase().includes(words));
}

function optionalFlag(given: string | undefined): boolean | undefined {
  return given === undefined ? undefined : flag()(given);
}
