import { Injectable } from '@nestjs/common';
import { INTERVAL_METADATA, type IntervalMetadata } from '../worker/interval.decorator.js';
import { unknownOptions } from '../text/option-names.js';
import { type Worker } from '../worker/worker.js';
import { WORKER_OPTION_NAMES } from '../worker/worker-options.js';
import { DecoratedMethods, instancePrototype } from './decorated-methods.js';
import { type Wrapper } from './enhancers.js';
import { ofProvider } from './of-provider.js';
import { WorkerCalls } from './worker-calls.js';
import { messageOf } from '../text/describe-error.js';

/** A decorated method that was found. Only its place in the class has been checked. */
export interface Finding {
  /** `Class.method`. */
  source: string;
  /** Name of the Nest module that holds the provider. */
  module: string;
  worker?: Worker;
  /** Why there is no worker. */
  problem?: string;
  /** Identifies the provider: its instance, or its wrapper when each run has an instance of its own. */
  provider?: object;
}

/** Finds the methods decorated with `@Interval` or `@Cron` among the application's providers and controllers. */
@Injectable()
export class WorkerExplorer {
  constructor(
    private readonly methods: DecoratedMethods,
    private readonly calls: WorkerCalls,
  ) {}

  /** @param known whether that provider was explored before: its methods are left out */
  explore(known: (provider: object) => boolean = () => false): Finding[] {
    return this.methods
      .find<IntervalMetadata>(INTERVAL_METADATA, known)
      .map(({ wrapper, prototype, replaced, method, metadata, ...at }) => {
        const { name = at.source, every, options } = metadata;
        try {
          const run = this.calls.to(wrapper, instancePrototype({ prototype, replaced }, '@Interval'), method);
          requireKnownOptions(options);
          const interval = intervalOf(wrapper, every);
          return { ...at, worker: { ...options, name, interval, run } };
        } catch (error) {
          return { ...at, problem: messageOf(error) };
        }
      });
  }
}

function intervalOf(wrapper: Wrapper, every: IntervalMetadata['every']): Worker['interval'] {
  if (typeof every !== 'function') return every;
  return ofProvider({ wrapper, what: 'its interval', value: 'the interval' }, every);
}

/** @throws Error that lists options that nobody reads */
function requireKnownOptions(options: IntervalMetadata['options']): void {
  const problems = unknownOptions(options, WORKER_OPTION_NAMES).map((problem) =>
    problem.startsWith('name:')
      ? "name: it comes first, before the interval: @Interval('usage', '5m')"
      : problem,
  );
  if (problems.length > 0) throw new Error(problems.join('; '));
}
