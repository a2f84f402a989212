import { type BeforeApplicationShutdown, Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { Interval } from '../../../core/worker/interval.decorator.js';
import { messageOf } from '../../../core/text/describe-error.js';
import { type RunContext } from '../../../core/worker/run-context.js';
import { Deadline } from '../../../core/scheduler/drain.js';
import { ShutdownDeadline } from '../../../core/scheduler/shutdown-deadline.js';
import { SystemClock } from '../../../core/timing/clock.js';
import { systemClaims, withClaims } from '../../auth/claims.js';
import { Transactions } from '../../database/transaction.js';
import { HealthCheckRepository, type HealthTurn } from '../../health-checks/health-check.repository.js';
import { HealthEvents } from '../../health-checks/health-events.js';
import {
  HealthHistoryRepository,
  type HistoryWriter,
} from '../../health-checks/health-history.repository.js';
import { InstanceAccess } from '../../health-checks/instance-access.js';
import { MaintenanceRepository } from '../../health-checks/maintenance.repository.js';
import { HEALTH_PROBES, type Probes } from '../../health-checks/probes/probes.js';
import { type HealthCheckId } from '../../ids/typed-id.js';
import {
  HEALTH_RUNNER_OPTIONS,
  type HealthRunnerOptions,
  healthRunnerSettings,
} from './health-runner.options.js';
import { ChangedChecks, LOOK_AHEAD } from './changed-checks.js';
import { ClaimedChecks } from './claimed-checks.js';
import { Judge } from './judge.js';
import { MaintenanceWindows } from './maintenance-windows.js';
import { OutcomeWriter } from './outcome-writer.js';
import { Presence } from './presence.js';
import { References } from './references.js';
import { type RunCounts, RunningChecks } from './running-checks.js';
import { type ArmedStart, StartTimes } from './start-times.js';
import { afterDelay, type ArmedTurn, instantsOf } from './turn.js';

const CLAIM_LIMIT = 1_000;
/** Overdue by more, after an outage or a stop of all replicas, is spread anew: not everything may run at once. */
const OVERDUE = 10_000;
/** What was claimed and cannot start for want of room within that time is given up, as unknown. */
const DRAIN = 5_000;
/** Milliseconds for claimed turns to be given back, and for the last results to be written. */
const GIVE_BACK = 2_000;

type GivenBack = Pick<HealthTurn, 'checkId' | 'lease' | 'dueAt'>;

/** What this replica has done since its start. */
export interface RunnerCounts extends RunCounts {
  /** Claimed, and waiting for their instants. */
  readonly armed: number;
  /** Claimed by replicas that have fallen silent. */
  readonly takenOver: number;
}

/**
 * Runs health checks on time. Each tick claims what falls due within the next seconds and arms a timer for each; no tick
 * waits for a check. A tick that ran what is due by then would be late by up to its interval, and one slow check would
 * delay all others.
 *
 * Every replica runs it: each check is claimed by one of them. What one had claimed that dies the others take over,
 * within the horizon.
 */
@Injectable()
export class HealthRunner implements BeforeApplicationShutdown {
  readonly settings;
  /** How events and states name this replica. */
  readonly replica = randomUUID();
  private readonly logger = new Logger('HealthRunner');
  private readonly claimed: ClaimedChecks;
  private readonly starts = new StartTimes((start) => this.presence.ifMine(() => this.running.start(start)));
  private readonly running: RunningChecks;
  private readonly changed: ChangedChecks;
  private readonly windows: MaintenanceWindows;
  private readonly presence: Presence;
  private readonly judge: Judge;
  private readonly ending = new AbortController();
  private lastTick = -Infinity;
  private stopping = false;
  private history?: HistoryWriter;
  private writer?: OutcomeWriter;
  private takenOver = 0;

  constructor(
    @Inject(HEALTH_RUNNER_OPTIONS) options: HealthRunnerOptions,
    private readonly checks: HealthCheckRepository,
    private readonly results: HealthHistoryRepository,
    maintenance: MaintenanceRepository,
    private readonly events: HealthEvents,
    @Inject(HEALTH_PROBES) private readonly probes: Probes,
    @Optional() private readonly transactions?: Transactions,
    @Optional() private readonly instances?: InstanceAccess,
    @Optional() private readonly shutdown?: ShutdownDeadline,
  ) {
    this.settings = healthRunnerSettings(options);
    // One for each check that is running.
    setMaxListeners(0, this.ending.signal);
    this.claimed = new ClaimedChecks(checks, instances);
    this.windows = new MaintenanceWindows(maintenance);
    const {
      concurrency: total,
      concurrencyPerTarget: perTarget,
      concurrencyPerTenant: perTenant,
    } = this.settings;
    this.running = new RunningChecks({
      limits: { total, perTarget, perTenant },
      run: (start, target) => this.run(start, target),
      onDropped: (armed) => this.claimed.forget(armed),
    });
    this.changed = new ChangedChecks({
      checks,
      soon: () => [
        ...this.starts.within(LOOK_AHEAD).map(({ armed }) => armed),
        ...this.running.waitingTurns(),
      ],
    });
    this.presence = new Presence({
      checks,
      replica: this.replica,
      settings: this.settings,
      onLost: () => this.disarm(),
      onTaken: (count) => {
        this.takenOver += count;
        this.logger.warn(`Took over ${count} checks that a replica had claimed which has fallen silent`);
      },
    });
    this.judge = new Judge({
      replica: this.replica,
      references: new References(this.settings.references),
      isSame: (instance) => this.claimed.isSame(instance),
    });
  }

  /** Claims what falls due and arms it. */
  @Interval<HealthRunner>('health_runner', (runner) => runner.settings.interval, {
    scope: 'replica',
    record: 'failures',
    timeout: '30s',
  })
  async tick(context?: Pick<RunContext, 'signal'>): Promise<void> {
    if (this.stopping) return;
    await this.presence.start();
    this.changed.start();
    const now = performance.now();
    if (now - this.lastTick > OVERDUE) await this.checks.spreadAcrossTenants(OVERDUE);
    this.lastTick = now;
    await this.windows.refresh();
    for (;;) {
      context?.signal.throwIfAborted();
      const asked = performance.now();
      const { turns, now: storeNow } = await this.checks.claimAcrossTenants({
        limit: CLAIM_LIMIT,
        horizon: this.settings.horizon,
        replica: this.replica,
      });
      if (turns.length > 0) await this.arm(turns, storeNow.getTime(), asked);
      if (turns.length < CLAIM_LIMIT || this.stopping) return;
    }
  }

  counts(): RunnerCounts {
    return { ...this.running.counts(), armed: this.starts.size, takenOver: this.takenOver };
  }

  /** Resolves when what is running has ended and is stored. */
  async settled(): Promise<void> {
    await this.running.idle();
    await this.judge.settled();
    await this.writer?.flush();
    await this.history?.flush();
  }

  /**
   * Gives back what has not started, and waits some seconds for what has. The drain of all workers may follow, so it
   * does not wait for a database that hangs.
   */
  async beforeApplicationShutdown(): Promise<void> {
    const deadline = this.shutdown?.begin() ?? new Deadline(new SystemClock(), DRAIN + GIVE_BACK + GIVE_BACK);
    this.stopping = true;
    this.changed.stop();
    const back = this.disarmed();
    await deadline.bound(this.settled(), DRAIN);
    this.ending.abort(new Error('The health runner stops'));
    this.probes.close();
    let given = false;
    await deadline.bound(
      this.giveBack(back).then(() => (given = true)),
      GIVE_BACK,
    );
    if (!given)
      this.logger.warn('Claimed checks could not be given back in time: other replicas take them over');
    await this.history?.close(deadline.left(GIVE_BACK));
  }

  /** What was claimed and has not started, from then on never started here. */
  private disarmed(): GivenBack[] {
    const back = new Map<HealthCheckId, GivenBack>();
    for (const { armed, instant } of [...this.starts.clear(), ...this.running.clear()]) {
      const { checkId, lease } = armed.turn;
      // From the first instant that has not started: another replica must not run one that has.
      const first = Math.min(instant, back.get(checkId)?.dueAt.getTime() ?? Infinity);
      back.set(checkId, { checkId, lease, dueAt: new Date(first) });
    }
    return [...back.values()].filter(({ checkId }) => !this.running.has(checkId));
  }

  private async giveBack(turns: GivenBack[]): Promise<void> {
    try {
      if (turns.length > 0) await this.checks.settleAcrossTenants(turns);
      await this.presence.leave();
      await this.settled();
    } catch (error) {
      this.logger.warn(`Claimed checks could not be given back: ${messageOf(error)}`);
    }
  }

  private async arm(turns: readonly HealthTurn[], storeNow: number, asked: number): Promise<void> {
    const { armed, passed } = await this.claimed.arm(turns);
    for (const turn of passed) this.pass(turn);
    for (const one of armed) {
      const instants = afterDelay(one, instantsOf(one.turn, storeNow));
      if (instants.length === 0) this.pass(one.turn);
      for (const instant of instants)
        this.starts.add({
          armed: one,
          instant,
          due: Math.max(performance.now(), asked + instant - storeNow),
        });
    }
  }

  /** What was claimed is not this replica's any more. */
  private disarm(): void {
    const { length } = [...this.starts.clear(), ...this.running.clear()];
    this.logger.warn(`${length} checks that were claimed here were taken over: this process stood still`);
  }

  private async run({ armed, instant }: ArmedStart, target: string): Promise<void> {
    const startedAt = new Date();
    try {
      const found = await this.probes.run(armed.check, armed.instance);
      if (this.ending.signal.aborted) return;
      const maintenance = this.windows.cover(armed.check, startedAt.getTime());
      const result = { ...found, checkId: armed.check.id, dueAt: new Date(instant), startedAt, maintenance };
      if (maintenance) this.outcomes().add({ armed, result });
      else this.judge.judge(armed, result, target, (outcome) => this.outcomes().add(outcome));
    } catch (error) {
      this.logger.error(error);
    }
  }

  private outcomes(): OutcomeWriter {
    return (this.writer ??= new OutcomeWriter({
      checks: this.checks,
      history: (this.history ??= this.results.writer()),
      events: this.events,
      transaction: (work) => (this.transactions ? this.transactions.run(work) : work()),
      onRestart: (armed) => void this.restart(armed),
    }));
  }

  private async restart({ check, instance }: ArmedTurn): Promise<void> {
    if (!this.instances || !instance) return;
    try {
      this.logger.warn(`Restarting ${instance.id}, whose check "${check.name}" fails`);
      await withClaims(systemClaims('health_runner'), () =>
        this.instances!.restart(check.tenantId, instance.id, this.ending.signal),
      );
    } catch (error) {
      // It counts as a restart: the next one comes after the backoff.
      this.logger.error(`${instance.id} could not be restarted: ${messageOf(error)}`);
    }
  }

  private pass(turn: HealthTurn): void {
    if (turn.dueAt.getTime() + turn.interval <= turn.lease.getTime()) return;
    this.checks
      .settleAcrossTenants([{ ...turn, dueAt: new Date(turn.dueAt.getTime() + turn.interval) }])
      .catch((error: unknown) => this.logger.warn(`A turn could not be passed: ${messageOf(error)}`));
  }
}
