import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { EventBus, type Unsubscribe } from '../../events/event-bus.js';
import { type Provider } from '../../providers/provider.js';
import { ProviderRegistry } from '../../providers/provider.registry.js';
import { startTimer, type Timer } from '../../../core/timing/timer.js';

/** Milliseconds in which what happens together is gathered into one run. */
const GATHER = 20;
/** How long to wait, in milliseconds, until a watch that broke is taken up again. */
const WATCH_AGAIN = 5_000;

/** Events upon which every replica looks whether its stores are concerned: also what failed elsewhere is tried again when its wait is over. */
const REQUESTS = ['instance.requested', 'instance.failed'];

/**
 * Starts a run of `instance_drift` as soon as there is something to do: a provider says that an instance has ended,
 * another replica has asked for something, a wait is over. The interval is for changes without such a signal.
 */
@Injectable()
export class StoreNudges implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('Reconciler');
  private readonly ending = new AbortController();
  /** Stores to look at in the next run. */
  private readonly wanted = new Set<string>();
  private readonly timers = new Map<string, { timer: Timer; at: number }>();
  private gathering?: Timer;
  private unsubscribe?: Unsubscribe;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly registry: ProviderRegistry,
    private readonly events: EventBus,
  ) {}

  onApplicationBootstrap(): void {
    for (const { name, provider } of this.registry.list()) void this.watch(name, provider);
    this.unsubscribe = this.events.subscribe(REQUESTS, ({ payload }) => {
      const { provider } = payload;
      if (typeof provider === 'string' && this.registry.has(provider)) this.nudge(provider);
    });
  }

  onModuleDestroy(): void {
    this.ending.abort();
    this.unsubscribe?.();
    this.gathering?.cancel();
    for (const { timer } of this.timers.values()) timer.cancel();
  }

  /** Looks at the store soon. */
  nudge(name: string): void {
    this.wanted.add(name);
    this.gathering ??= startTimer(
      () => {
        this.gathering = undefined;
        void this.run();
      },
      GATHER,
      true,
    );
  }

  /** Looks at the store in this many milliseconds, or when it was going to before that. */
  wake(name: string, wait: number): void {
    const at = performance.now() + wait;
    const before = this.timers.get(name);
    if (this.ending.signal.aborted || (before && before.at <= at)) return;
    before?.timer.cancel();
    const timer = startTimer(
      () => {
        this.timers.delete(name);
        this.nudge(name);
      },
      wait,
      true,
    );
    this.timers.set(name, { timer, at });
  }

  /**
   * What a run is to look at: what it was told, and what it was nudged for. Undefined for all, as for a run that was
   * told nothing.
   */
  take(told: readonly string[] | undefined): Set<string> | undefined {
    const nudged = new Set(this.wanted);
    this.wanted.clear();
    return told && new Set([...told, ...nudged]);
  }

  private async run(): Promise<void> {
    if (this.ending.signal.aborted) return;
    try {
      const { ended } = await this.scheduler.trigger('instance_drift', { providers: [...this.wanted] });
      void ended.catch(() => undefined);
    } catch (error) {
      // Stopped, or disabled: nothing is repaired then.
      this.logger.debug(`Not looked at at once: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private async watch(name: string, provider: Provider): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      try {
        for await (const { change } of provider.watch(signal)) if (change === 'exited') this.nudge(name);
      } catch (error) {
        this.logger.warn(
          `Provider "${name}" tells of no changes: ${error instanceof Error ? error.message : String(error)}. Its store is compared at the interval`,
        );
      }
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        const timer = startTimer(resolve, WATCH_AGAIN, true);
        signal.addEventListener('abort', () => (timer.cancel(), resolve()), { once: true });
      });
      this.nudge(name); // what happened in between was told to nobody
    }
  }
}
