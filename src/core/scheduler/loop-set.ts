import { type LoggerService } from '@nestjs/common';
import { type Cancellation } from '../worker/cancellation.js';
import { jsonPayload } from '../worker/payload.js';
import { type WorkerInfo } from '../worker/worker-info.js';
import { UnknownWorkerError } from '../registry/worker.errors.js';
import { callersContext, inRootContext, type Scope } from '../timing/root-context.js';
import { eventRefused, type EventSources } from './event-sources.js';
import { type Loop, type WaitingRun } from './loop.js';

/** A loop, and the function that ends its subscriptions. */
interface Entry {
  readonly loop: Loop;
  unsubscribe?(): void;
}

/** The loops of this replica, by the name of their worker. */
export class LoopSet {
  private readonly entries = new Map<string, Entry>();
  private sorted?: readonly Loop[] | undefined;

  constructor(
    private readonly sources: EventSources,
    private readonly logger: Required<Pick<LoggerService, 'warn' | 'error'>>,
  ) {}

  get all(): Loop[] {
    return [...this.entries.values()].map(({ loop }) => loop);
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /** @throws UnknownWorkerError */
  get(name: string): Loop {
    const entry = this.entries.get(name);
    if (!entry) throw new UnknownWorkerError(name, [...this.entries.keys()]);
    return entry.loop;
  }

  add(loop: Loop): void {
    this.entries.set(loop.definition.name, { loop });
    this.sorted = undefined;
  }

  delete(name: string): void {
    this.entries.delete(name);
    this.sorted = undefined;
  }

  /** Starts the loop, and subscribes it to the worker's events. */
  launch(loop: Loop): void {
    const { name, on } = loop.definition;
    loop.start();
    if (!loop.running || on.length === 0) return;
    if (this.sources.empty)
      this.logger.warn(
        `"${name}" runs on ${on.join(', ')}, and no EventSource is there to tell: add one to EventSources`,
      );
    this.entries.get(name)!.unsubscribe = this.sources.subscribe(on, (event) =>
      this.happened(loop, event, callersContext()),
    );
  }

  halt(loop: Loop): void {
    this.entries.get(loop.definition.name)?.unsubscribe?.();
    loop.stop();
  }

  info(name: string): WorkerInfo | undefined {
    return this.entries.get(name)?.loop.info();
  }

  /**
   * Every worker as this replica sees it, ordered by name.
   * @param known infos that replace this replica's own
   */
  infos(known?: ReadonlyMap<string, WorkerInfo>): WorkerInfo[] {
    return this.byName.map((loop) => known?.get(loop.definition.name) ?? loop.info());
  }

  /** Ordered. */
  get names(): string[] {
    return this.byName.map(({ definition }) => definition.name);
  }

  private get byName(): readonly Loop[] {
    return (this.sorted ??= this.all.sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1)));
  }

  /** Ends a run of any worker, as `Loop.cancel` does. */
  cancel(runId: string, by: Cancellation): 'told' | WaitingRun | undefined {
    for (const { loop } of this.entries.values()) {
      const cancelled = loop.cancel(runId, by);
      if (cancelled) return cancelled;
    }
    return undefined;
  }

  private happened(loop: Loop, event: unknown, scope: Scope): void {
    try {
      const payload = jsonPayload(loop.definition.name, event);
      inRootContext(() => loop.happened(payload, scope));
    } catch (error) {
      this.logger.error(eventRefused(error as Error));
    }
  }
}
