import { Logger } from '@nestjs/common';
import { messageOf } from '../../../core/text/describe-error.js';
import { nextState, stateSince, type Transition } from '../../health-checks/check-state.js';
import { type CheckState } from '../../health-checks/check-state.js';
import { type HealthResult } from '../../health-checks/health-check.js';
import { type HealthCheckRepository } from '../../health-checks/health-check.repository.js';
import { type HealthEvents } from '../../health-checks/health-events.js';
import { type HistoryWriter } from '../../health-checks/health-history.repository.js';
import { type HealthCheckId } from '../../ids/typed-id.js';
import { type ArmedTurn, forsake, nextDue } from './turn.js';
import { startTimer, type Timer } from '../../../core/timing/timer.js';

/** What a result makes of a check. */
export interface Outcome {
  readonly armed: ArmedTurn;
  readonly result: HealthResult;
  /** Undefined where it stays as it was. */
  readonly state?: CheckState;
  readonly transition?: Transition;
  /** Whether to restart the instance once the state, which records the restart, is stored. */
  readonly restart?: boolean;
}

interface Change {
  armed: ArmedTurn;
  /** Of the stored state that it is made from. */
  version: number;
  state: CheckState;
  told: { transition: Transition; result: HealthResult }[];
  restart: boolean;
  result: HealthResult;
}

const FLUSH_AFTER = 100;

/** A store that is away for long must not fill the memory: what is told later anyway is let go. */
const MOST_CHANGES = 50_000;

export interface OutcomeWriterParts {
  checks: HealthCheckRepository;
  history: HistoryWriter;
  events: HealthEvents;
  /** Runs in one transaction of the store, so that an event is told exactly if its state is stored. */
  transaction: <T>(work: () => Promise<T>) => Promise<T>;
  onRestart: (armed: ArmedTurn) => void;
}

/**
 * Writes what runs came to: results to the history, and, in batches of a tenth of a second, the states that have changed
 * with the events that tell so. A check that goes on as it was costs its result and nothing else.
 *
 * A state that somebody else has changed in the meantime is read again and the result counted anew, once. When the store
 * is away, states are not kept: the next result is counted from what is stored.
 */
export class OutcomeWriter {
  private readonly logger = new Logger('HealthRunner');
  private changes = new Map<HealthCheckId, Change>();
  private moves: { checkId: HealthCheckId; lease: Date; dueAt: Date }[] = [];
  private timer?: Timer;
  private flushing: Promise<void> = Promise.resolve();
  private away = false;
  /** States that could not be stored. */
  lost = 0;

  constructor(private readonly parts: OutcomeWriterParts) {}

  add({ armed, result, state, transition, restart = false }: Outcome): void {
    this.parts.history.add([result]);
    const { turn } = armed;
    if (nextDue(turn) > turn.lease)
      this.moves.push({ checkId: turn.checkId, lease: turn.lease, dueAt: nextDue(turn) });
    if (state) this.change(armed, state, result, transition, restart);
    if (this.changes.size + this.moves.length > 0)
      this.timer ??= startTimer(() => void this.flush(), FLUSH_AFTER);
  }

  /** Resolves when what was added by then is stored or lost. */
  flush(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    const changes = [...this.changes.values()];
    const moves = this.moves;
    this.changes = new Map();
    this.moves = [];
    return (this.flushing = this.flushing.then(() => this.write(changes, moves)));
  }

  private change(
    armed: ArmedTurn,
    state: CheckState,
    result: HealthResult,
    transition: Transition | undefined,
    restart: boolean,
  ): void {
    const { checkId } = armed.turn;
    let change = this.changes.get(checkId);
    if (!change) {
      if (this.changes.size >= MOST_CHANGES) {
        this.lost++;
        return;
      }
      change = { armed, version: armed.position.version, state, told: [], restart: false, result };
      this.changes.set(checkId, change);
      armed.position.version++;
    }
    change.state = state;
    change.result = result;
    change.restart ||= restart;
    if (transition) change.told.push({ transition, result });
    armed.position.state = state;
  }

  private async write(changes: Change[], moves: OutcomeWriter['moves']): Promise<void> {
    try {
      const missed = await this.store(changes);
      if (missed.length > 0) await this.store(await this.rebased(missed));
      await this.parts.checks.settleAcrossTenants(moves);
      if (this.away) this.logger.log('States of health checks can be stored again');
      this.away = false;
    } catch (error) {
      this.lost += changes.length;
      for (const { armed } of changes) forsake(armed.position);
      if (!this.away) this.logger.error(`States of health checks cannot be stored: ${messageOf(error)}`);
      this.away = true;
    }
  }

  /** @returns those whose check had moved on */
  private async store(changes: Change[]): Promise<Change[]> {
    if (changes.length === 0) return [];
    const stored = await this.parts.transaction(async () => {
      const ids = await this.parts.checks.storeStatesAcrossTenants(
        changes.map(({ armed, version, state }) => ({
          checkId: armed.turn.checkId,
          revision: armed.turn.revision,
          lease: armed.turn.lease,
          version,
          state,
        })),
      );
      for (const change of changes) if (ids.has(change.armed.turn.checkId)) await this.tell(change);
      return ids;
    });
    for (const { armed, restart } of changes)
      if (restart && stored.has(armed.turn.checkId)) this.parts.onRestart(armed);
    return changes.filter(({ armed }) => !stored.has(armed.turn.checkId));
  }

  /** The same results, counted from what is stored now. Turns whose lease is long over are not among them. */
  private async rebased(changes: Change[]): Promise<Change[]> {
    const states = await this.parts.checks.statesAcrossTenants(
      changes.map(({ armed }) => armed.turn.checkId),
    );
    return changes.flatMap(({ armed, result }) => {
      const now = states.get(armed.turn.checkId);
      // Changed since it was claimed: what was found is not of the check that there is now.
      if (!now?.state || now.revision !== armed.turn.revision) {
        forsake(armed.position);
        return [];
      }
      const before = stateSince(now.state, armed.instance?.runningSince?.getTime());
      const next = nextState(before, result.outcome, result.startedAt.getTime(), armed.check);
      armed.position.state = next.state;
      armed.position.version = now.version;
      if (next.state === now.state) return [];
      armed.position.version++;
      const told = next.transition ? [{ transition: next.transition, result }] : [];
      return [{ armed, version: now.version, state: next.state, told, restart: false, result }];
    });
  }

  private async tell({ armed: { check }, state, told }: Change): Promise<void> {
    for (const { transition, result } of told) {
      await this.parts.events.publish({
        type: `health.${transition}`,
        tenantId: check.tenantId,
        payload: {
          checkId: check.id,
          name: check.name,
          ...(check.instanceId !== undefined && { instanceId: check.instanceId }),
          status: state.status,
          message: result.message,
        },
      });
    }
  }
}
