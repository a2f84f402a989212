import { Logger } from '@nestjs/common';
import { sleep } from '../../../core/timing/timer.js';
import {
  type CheckState,
  nextState,
  restartedState,
  suspectedState,
} from '../../health-checks/check-state.js';
import { type HealthResult } from '../../health-checks/health-check.js';
import { type CheckedInstance } from '../../health-checks/instance-access.js';
import { MassFailure } from './mass-failure.js';
import { type Outcome } from './outcome-writer.js';
import { type References } from './references.js';
import { type ArmedTurn, isCurrent, stateOf } from './turn.js';

/** A failure that would make a check unhealthy waits so long for what becomes of other targets, in milliseconds. */
const HOLD = 2_000;

const HOUR = 3_600_000;
const FIRST_RESTART_WAIT = 10_000;
const LONGEST_RESTART_WAIT = 300_000;

const NOT_CONFIRMED = 'Most targets of this replica fail: not confirmed by another one. ';

export interface JudgeParts {
  replica: string;
  references: Pick<References, 'answer'>;
  /** Whether an instance is as it was when it was checked: neither stopped nor started anew since. */
  isSame: (instance: CheckedInstance) => Promise<boolean>;
}

/**
 * Decides what a result means for the check: its state, its event, and whether its instance is restarted.
 *
 * A failure that would make a check unhealthy is held back for two seconds. If by then most targets of most tenants
 * fail, it is `unknown`, unless a reference target answers or another replica has seen the check fail as well.
 *
 * What was found of a check as it was before it was changed, and a failure of an instance that was stopped or started
 * anew in the meantime, is kept as a result and means nothing.
 */
export class Judge {
  private readonly logger = new Logger('HealthRunner');
  private readonly mass = new MassFailure();
  private readonly held = new Set<Promise<void>>();

  constructor(private readonly parts: JudgeParts) {}

  /** @param done called once, at once or after the hold */
  judge(armed: ArmedTurn, result: HealthResult, target: string, done: (outcome: Outcome) => void): void {
    const at = performance.now();
    const { failures, status } = stateOf(armed);
    const failed = result.outcome === 'failure';
    const reached = result.phases?.firstByte !== undefined;
    if (result.outcome !== 'unknown' && byNetwork(armed))
      this.mass.saw(armed.check.tenantId, target, failed && !reached, at);
    const decisive = failures + 1 >= armed.check.failureThreshold && status !== 'unhealthy';
    const isHeld = !reached && byNetwork(armed);
    if (!failed || !decisive || (!isHeld && !armed.instance)) {
      done(this.outcomeOf(armed, result));
      return;
    }
    const held = this.decided(armed, result, isHeld ? at : undefined)
      .then(done)
      .catch((error: unknown) => this.logger.error(error))
      .finally(() => this.held.delete(held));
    this.held.add(held);
  }

  /** Resolves when nothing is held back. */
  async settled(): Promise<void> {
    await Promise.all(this.held);
  }

  /** @param heldFrom when a failure was seen that is held back, monotonic */
  private async decided(armed: ArmedTurn, result: HealthResult, heldFrom?: number): Promise<Outcome> {
    const confirmed = heldFrom === undefined || (await this.confirmed(armed, heldFrom));
    if (armed.instance && !(await this.parts.isSame(armed.instance))) return { armed, result };
    return confirmed ? this.outcomeOf(armed, result) : this.unconfirmed(armed, result);
  }

  /** Whether the failure is the target's own, after the hold. @param at when it was seen, monotonic */
  private async confirmed({ position }: ArmedTurn, at: number): Promise<boolean> {
    await sleep(HOLD);
    const suspect = this.mass.isOn(at) && !(await this.parts.references.answer());
    const { suspectedBy } = position.state;
    return !suspect || (suspectedBy !== undefined && suspectedBy !== this.parts.replica);
  }

  private unconfirmed(armed: ArmedTurn, failure: HealthResult): Outcome {
    const result: HealthResult = { ...failure, outcome: 'unknown', message: NOT_CONFIRMED + failure.message };
    if (!isCurrent(armed)) return { armed, result: failure };
    const { state } = nextState(stateOf(armed), 'unknown', result.startedAt.getTime(), armed.check);
    const suspected = suspectedState(state, this.parts.replica);
    return { armed, result, state: suspected === armed.position.state ? undefined : suspected };
  }

  private outcomeOf(armed: ArmedTurn, result: HealthResult): Outcome {
    if (!isCurrent(armed)) return { armed, result };
    const at = result.startedAt.getTime();
    const { state, transition } = nextState(stateOf(armed), result.outcome, at, armed.check);
    if (this.restartIsDue(armed, state, result, at))
      return { armed, result, state: restartedState(state, Date.now()), transition, restart: true };
    return { armed, result, state: state === armed.position.state ? undefined : state, transition };
  }

  private restartIsDue(
    { check, instance }: ArmedTurn,
    state: CheckState,
    result: HealthResult,
    at: number,
  ): boolean {
    if (check.onUnhealthy !== 'restart' || !instance) return false;
    if (result.outcome !== 'failure' || state.status !== 'unhealthy') return false;
    if (state.failures < check.failureThreshold) return false;
    const restarts = (state.restarts ?? []).filter((instant) => instant > at - HOUR);
    if (restarts.length >= check.maxRestartsPerHour) return false;
    const wait = Math.min(LONGEST_RESTART_WAIT, FIRST_RESTART_WAIT * 2 ** (restarts.length - 1));
    return restarts.length === 0 || at >= restarts.at(-1)! + wait;
  }
}

function byNetwork({ check }: ArmedTurn): boolean {
  return check.probe.type === 'http' || check.probe.type === 'tcp' || check.probe.type === 'grpc';
}
