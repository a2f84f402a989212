import { messageOf } from '../text/describe-error.js';
import { type Clock } from '../timing/clock.js';
import { isRefused } from './store-refused.error.js';

/**
 * Milliseconds without a further failure after which a failure counts as over: a call that is still needed is retried
 * within seconds, so this one is no longer needed.
 */
const FORGOTTEN_AFTER = 30_000;

/** `refused`: the store answers, and refuses calls. `unreachable`: it does not answer. */
export type OutageState = 'ok' | 'refused' | 'unreachable';

/** Lines of the log, each written once when a condition begins or ends. */
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
 * The failing operations of a store. Each operation has its own condition, so that a heartbeat that succeeds does not
 * hide that every claim is refused. That the store cannot be reached is one condition for all operations, as it has
 * one cause.
 */
export class Outages<Operation extends string> {
  /** By operation and subject. */
  private readonly failures = new Map<Operation, Map<string, Failure>>();
  private readonly said = new Set<Operation | 'unreachable'>();

  constructor(
    private readonly clock: Pick<Clock, 'monotonic'>,
    private readonly logger: { log(text: string): void; error(text: string): void },
    private readonly texts: OutageTexts<Operation>,
  ) {}

  /**
   * @param subject what the call was for, such as a worker: a later success for another subject does not end the
   * failure
   */
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
        // While the store cannot be reached, whether it still refuses is unknown.
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
