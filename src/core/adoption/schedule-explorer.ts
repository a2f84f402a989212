import { Injectable, Logger } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { isBeingMade } from '../registry/decorated-methods.js';
import { HandlerCalls } from './handler-calls.js';
import { type Begun } from './schedule-seam.js';
import { type ScheduleKind, type ScheduleMetadata, scheduleMetadata } from './schedule-metadata.js';

/** A method that is decorated with `@nestjs/schedule`'s `@Cron`, `@Interval` or `@Timeout`. */
export interface ScheduleHandler {
  /** `Class.method`. */
  readonly source: string;
  /** Name of the Nest module that holds the provider. */
  readonly module: string;
  readonly metadata: ScheduleMetadata;
  /** Calls it as `ScheduleModule` does, and logs what it throws. */
  call(): Begun;
}

type Instance = Record<string, unknown>;
type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** Names of the kinds in messages. */
export const CALLED: Record<ScheduleKind, string> = {
  cronJobs: 'cron job',
  intervals: 'interval',
  timeouts: 'timeout',
};

/**
 * Finds handlers where `ScheduleModule` does: on every instance in the application, also of `useValue` and
 * `useFactory`.
 */
@Injectable()
export class ScheduleExplorer {
  private readonly logger = new Logger('Workers');
  /** `useExisting` lists one instance under several tokens, and after a lazy load all instances are listed again. */
  private readonly seen = new WeakSet<object>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly calls: HandlerCalls,
  ) {}

  /**
   * Finds the handlers that no earlier call has seen.
   * @param kinds handlers of other kinds are ignored
   */
  explore(kinds: readonly ScheduleKind[]): ScheduleHandler[] {
    return [...this.discovery.getControllers(), ...this.discovery.getProviders()].flatMap((wrapper) => {
      const instance: unknown = wrapper.instance;
      if (typeof instance !== 'object' || instance === null || this.seen.has(instance)) return [];
      if (isBeingMade(wrapper)) return [];
      this.seen.add(instance);
      return this.handlers(wrapper, instance as Instance, kinds);
    });
  }

  private handlers(wrapper: Wrapper, instance: Instance, kinds: readonly ScheduleKind[]): ScheduleHandler[] {
    const prototype = Object.getPrototypeOf(instance) as Instance | null;
    if (!prototype || prototype === Object.prototype) return [];
    return this.scanner.getAllMethodNames(prototype).flatMap((method) => {
      const source = `${instance.constructor.name}.${method}`;
      const module = wrapper.host?.name ?? '(no module)';
      const handler = instance[method];
      const metadata = scheduleMetadata(handler);
      if (!metadata) {
        const decorated = scheduleMetadata(prototype[method]);
        if (decorated && kinds.includes(decorated.kind))
          this.logger.warn(
            `The ${CALLED[decorated.kind]} ${source} does not run: its provider has replaced the decorated method, ` +
              'as by this.method = this.method.bind(this) in its constructor. Leave the method as it is',
          );
        return [];
      }
      if (!kinds.includes(metadata.kind)) return [];
      if (!wrapper.isDependencyTreeStatic() || wrapper.isTransient) {
        this.logger.warn(
          `The ${CALLED[metadata.kind]} ${source} does not run: its provider is request-scoped or transient, ` +
            `and @nestjs/schedule's decorators need a singleton. Those of ctrlplane-workers do not`,
        );
        return [];
      }
      return [
        {
          source,
          module,
          metadata,
          call: this.calls.of(handler as () => unknown, instance),
        },
      ];
    });
  }
}
