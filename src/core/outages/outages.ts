import { messageOf } from '../text/describe-error.js';
import { type Clock } from '../timing/clock.js';
import { isRefused } from './store-refused.error.js';

/**
 * A failure that was not followed by another one for so long counts as over: nobody tries any more, as what the call was
 * for is gone. What still matters is tried again within seconds. Milliseconds.
 */
const FORGOTTEN_AFTER = 30_000;

/** `refused`: the store answers, and does not do what it is asked. `unreachable`: it does not answer. */
export type OutageState = 'ok' | 'refused' | 'unreachable';

/** What is said, once when it begins and once when it ends. */
export interface OutageTexts<Operation> {
  unreachable(reason: string): string;
  reachable(): string;
  refused(operation: Operation, reason: string): string;
  accepted(operation: Operation): string;
}

interface Failure {
  readonly refused: boolean;
  /** By the monotonic clock. */
  readonly at: number;
}

/**
 * What fails at a store, operation by operation: one that succeeds says nothing of another one, so a heartbeat that gets
 * through does not hide that every claim is refused. That the store cannot be reached is one condition for all of them,
 * as it has one cause.
 */
export class Outages<Operation extends string> {
  /** By operation, and by whom it was for. */
  private readonly failures = new Map<Operation, Map<string, Failure>>();
  private readonly said = new Set<Operation | 'unreachable'>();

  constructor(
    private readonly clock: Pick<Clock, 'monotonic'>,
    private readonly logger: { log(text: string): void; error(text: string): void },
    private readonly texts: OutageTexts<Operation>,
  ) {}

  /** @param subject whom the call was for: that it succeeds for another one says nothing */
  failed(operation: Operation, error: unknown, subject = ''): void {
    const failures = this.failures.get(operation) ?? new Map<string, Failure>();
    this.failures.set(operation, failures);
    failures.set(subject, { refused: isRefused(error), at: this.clock.monotonic() });
    this.tell(messageOf(error));
  }

  succeeded(operation: Operation, subject = ''): void {
    if (this.failures.size === 0) return;
    this.failures.get(operation)?.delete(subject);
    this.tell('');
  }

  get state(): OutageState {
    this.forget();
    if (this.unreachable) return 'unreachable';
    return this.failures.size > 0 ? 'refused' : 'ok';
  }

  /** Operations that are refused. */
  get refused(): Operation[] {
    this.forget();
    return [...this.failures].flatMap(([operation, failures]) =>
      [...failures.values()].some(({ refused }) => refused) ? [operation] : [],
    );
  }

  private get unreachable(): boolean {
    return [...this.failures.values()].some((failures) =>
      [...failures.values()].some(({ refused }) => !refused),
    );
  }

  private tell(reason: string): void {
    const { said, texts, logger } = this;
    const refused = this.refused;
    const { unreachable } = this;
    if (unreachable && !said.has('unreachable')) {
      said.add('unreachable');
      logger.error(texts.unreachable(reason));
    }
    if (!unreachable && said.delete('unreachable')) logger.log(texts.reachable());
    for (const operation of refused)
      if (!said.has(operation)) {
        said.add(operation);
        logger.error(texts.refused(operation, reason));
      }
    for (const operation of said)
      if (operation !== 'unreachable' && !refused.includes(operation)) {
        said.delete(operation);
        // While it cannot be reached this is not known.
        if (!unreachable) logger.log(texts.accepted(operation));
      }
  }

  private forget(): void {
    const since = this.clock.monotonic() - FORGOTTEN_AFTER;
    for (const [operation, failures] of this.failures) {
      for (const [subject, { at }] of failures) if (at < since) failures.delete(subject);
      if (failures.size === 0) this.failures.delete(operation);
    }
  }
}
