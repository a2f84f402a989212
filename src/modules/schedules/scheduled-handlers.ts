import { Injectable } from '@nestjs/common';
import { DecoratedMethods, instancePrototype } from '../../core/registry/decorated-methods.js';
import { defineWorker, type WorkerDefinition } from '../../core/registry/worker-definition.js';
import { WorkerCalls } from '../../core/registry/worker-calls.js';
import { InvalidWorkersError } from '../../core/registry/worker.errors.js';
import { type BackoffTimes, mostRuns, oneOf } from '../../core/registry/worker-rules.js';
import { Scheduler } from '../../core/scheduler/scheduler.js';
import { messageOf } from '../../core/text/describe-error.js';
import { unknownOptions } from '../../core/text/option-names.js';
import { Problems } from '../../core/text/problems.js';
import {
  SCHEDULED_METADATA,
  SCHEDULED_OPTION_NAMES,
  type ScheduledMetadata,
  type ScheduledOptions,
} from './scheduled.decorator.js';

const OVERLAPS = ['skip', 'queueOne', 'cancelRunning'] as const;
const DEFAULT_ATTEMPTS = 5;
const DEFAULT_CONCURRENCY = 50;

/** A handler that has been checked. Lengths of time are milliseconds. */
export interface ScheduledHandler {
  readonly name: string;
  /** What the executor runs: timeout, record, and the call of the method. */
  readonly definition: WorkerDefinition;
  readonly overlap: (typeof OVERLAPS)[number];
  readonly backoff: BackoffTimes;
  readonly maxAttempts: number;
  readonly concurrency: number;
  readonly groupConcurrency: number;
}

/** The methods with `@Scheduled` of this application, by name. */
@Injectable()
export class ScheduledHandlers {
  private readonly handlers = new Map<string, ScheduledHandler>();
  private readonly providers = new WeakSet<object>();

  constructor(
    private readonly methods: DecoratedMethods,
    private readonly calls: WorkerCalls,
    private readonly scheduler: Scheduler,
  ) {}

  /**
   * Adds those that were not there before.
   * @throws InvalidWorkersError that lists all bad ones; then none was added
   */
  discover(): void {
    const problems: string[] = [];
    const found = new Map<string, ScheduledHandler>();
    const methods = this.methods.find<ScheduledMetadata>(SCHEDULED_METADATA, (provider) =>
      this.providers.has(provider),
    );
    for (const { source, module, wrapper, prototype, replaced, method, metadata } of methods) {
      const where = `${source} (in ${module})`;
      const { name, options } = metadata;
      try {
        const run = this.calls.to(wrapper, instancePrototype({ prototype, replaced }, '@Scheduled'), method);
        const handler = handlerOf(name, options, where, run);
        const taken = found.get(name) ?? this.handlers.get(name);
        if (taken)
          throw new Error(
            `the name "${name}" is taken by ${taken.definition.source}: give one of them another`,
          );
        if (this.scheduler.workerByName(name))
          throw new Error(
            `the name "${name}" is that of a worker, whose runs would be mixed with its own: give it another`,
          );
        found.set(name, handler);
      } catch (error) {
        problems.push(`${where}: ${messageOf(error)}`);
      }
    }
    if (problems.length > 0) throw new InvalidWorkersError(problems);
    for (const { provider } of methods) this.providers.add(provider);
    for (const [name, handler] of found) this.handlers.set(name, handler);
  }

  all(): ScheduledHandler[] {
    return [...this.handlers.values()];
  }

  find(name: string): ScheduledHandler | undefined {
    return this.handlers.get(name);
  }
}

/** @throws Error naming every option that cannot be */
function handlerOf(
  name: string,
  options: ScheduledOptions,
  source: string,
  run: WorkerDefinition['run'],
): ScheduledHandler {
  const problems = new Problems();
  problems.add(...unknownOptions(options, SCHEDULED_OPTION_NAMES));
  const { timeout, description, record, backoff = '30s', maxAttempts = DEFAULT_ATTEMPTS } = options;
  const checked = defineWorker(
    { name, interval: 0, timeout, description, record, backoff, maxAttempts, run },
    source,
  );
  if ('problems' in checked) problems.add(...checked.problems);
  const runs = (option: 'concurrency' | 'groupConcurrency', otherwise: number): number =>
    problems.checked(option, 1, () => mostRuns(options[option] ?? otherwise));
  const concurrency = runs('concurrency', DEFAULT_CONCURRENCY);
  const groupConcurrency = runs('groupConcurrency', concurrency);
  const overlap = problems.checked('overlap', 'skip', () => oneOf(OVERLAPS, options.overlap ?? 'skip'));
  if (problems.all.length > 0 || 'problems' in checked) throw new Error(problems.all.join('; '));
  const { definition } = checked;
  return {
    name,
    definition,
    overlap,
    backoff: definition.backoff!,
    maxAttempts: definition.maxAttempts,
    concurrency,
    groupConcurrency,
  };
}
