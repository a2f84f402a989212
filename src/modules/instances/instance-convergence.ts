import { Injectable } from '@nestjs/common';
import { messageOf } from '../../core/text/describe-error.js';
import { Transactions } from '../database/transaction.js';
import { type Provider, type ProviderInstance } from '../providers/provider.js';
import { ProviderStores } from '../providers/provider-stores.js';
import { type DeleteOptions, type Deletion } from './deletion.js';
import { DEFAULT_INSTANCE_BACKOFF, type InstanceBackoff, waitAfter } from './instance-backoff.js';
import { compare, type Finding, isUnsettled } from './instance-drift.js';
import { InstanceEvents } from './instance-events.js';
import { logTailOf, reasonOf } from './instance-failure.js';
import { InstanceNotRemovedError, UnknownInstanceError } from './instance.errors.js';
import { type Instance, type InstanceChange, type InstanceState } from './instance.js';
import { type End, endOf, isEnd, running, stopped, WELL } from './instance-outcome.js';
import { InstanceRepository } from './instance.repository.js';
import { callProvider } from './provider-call.js';

export interface ConvergeOptions {
  backoff?: InstanceBackoff | undefined;
  signal?: AbortSignal | undefined;
}

/** An instance that is being deleted is not brought back. */
export const STAYING: readonly InstanceState[] = ['provisioning', 'running', 'stopped', 'failed'];

/**
 * Makes one instance what its row says, by one call of its provider and one change of the row. Each change is
 * conditional on the state that it was decided on: of several at the same time one succeeds, and what was requested
 * meanwhile is not undone. A crash between the call and the change leaves a difference that the next comparison finds.
 *
 * Takes rows as they were just read. The caller checks the claims.
 */
@Injectable()
export class InstanceConvergence {
  constructor(
    private readonly instances: InstanceRepository,
    private readonly stores: ProviderStores,
    private readonly events: InstanceEvents,
    private readonly transactions: Transactions,
  ) {}

  /**
   * Compares it with what its provider says now, and repairs what differs, whatever wait is left.
   * @returns how it is then; as it was, when it is in a store that this replica does not reach.
   * @throws UnknownInstanceError when it is deleted meanwhile
   */
  async converge(instance: Instance, options: ConvergeOptions = {}): Promise<Instance> {
    const provider = await this.stores.reach(instance, options.signal);
    if (!provider) return instance;
    const observed = await provider.status(instance.id, options.signal);
    const finding = compare({ ...instance, unsettled: isUnsettled(instance) }, observed);
    if (!finding) return instance;
    return this.repair(instance, finding, observed, options);
  }

  /** Makes it run, whatever its provider says; one that runs is left as it is. Otherwise as `converge`. */
  async provision(instance: Instance, options: ConvergeOptions = {}): Promise<Instance> {
    const { backoff = DEFAULT_INSTANCE_BACKOFF, signal } = options;
    const provider = await this.stores.reach(instance, signal);
    return provider ? this.attempt(instance, 'provision', provider, backoff, signal) : instance;
  }

  /**
   * Does what a comparison has found.
   * @returns how it is then. What the provider refused is in `lastError`, and `nextAttemptAt` says how long to wait.
   * @throws UnknownInstanceError when it is deleted meanwhile; the signal's reason
   */
  async repair(
    instance: Instance,
    { drift, repair }: Finding,
    observed: ProviderInstance | undefined,
    { backoff = DEFAULT_INSTANCE_BACKOFF, signal }: ConvergeOptions = {},
  ): Promise<Instance> {
    const provider = await this.stores.reach(instance, signal);
    if (!provider) return instance;
    signal?.throwIfAborted();
    if (repair === 'remove') {
      await this.remove(instance, { reason: instance.deletionReason, signal });
      return instance;
    }
    if (repair === 'note') return this.note(instance, observed!, backoff);
    // An instance that ended while its row was still `provisioning` did run: the call that made it has not stored
    // that yet.
    const hasEnded =
      instance.state === 'running' || (instance.state === 'provisioning' && drift === 'exited');
    if (!hasEnded || instance.requestedAt || !isEnd(drift)) {
      await this.events.tellIfUnasked(instance, drift);
      return this.attempt(instance, repair, provider, backoff, signal);
    }
    const noted = await this.noteEnd(instance, drift, observed, provider, backoff, signal);
    if (!noted || noted.nextAttemptAt) return noted ?? instance;
    return this.attempt(noted, repair, provider, backoff, signal);
  }

  /** Notes that it ended, if it did, without repairing it; for workloads whose policy is `mark`. */
  async mark(instance: Instance, signal?: AbortSignal): Promise<void> {
    const provider = await this.stores.reach(instance, signal);
    if (!provider || instance.state !== 'running') return;
    const observed = await provider.status(instance.id, signal);
    const finding = compare({ ...instance, unsettled: false }, observed);
    if (finding && isEnd(finding.drift))
      await this.noteEnd(instance, finding.drift, observed, provider, DEFAULT_INSTANCE_BACKOFF, signal);
  }

  /** Notes an attempt that came to no end of its own, such as one that took too long. */
  async noteFailure(instance: Instance, error: unknown, backoff: InstanceBackoff): Promise<void> {
    const { id, tenantId, attempts } = instance;
    const nextAttemptIn = waitAfter(attempts + 2, backoff);
    const change = { lastError: messageOf(error), attempts: attempts + 1, nextAttemptIn };
    await this.instances.change(tenantId, id, change, undefined, { attempts });
  }

  /**
   * Has its provider remove it, then removes the row and tells one `instance.deleted`.
   * @throws InstanceNotRemovedError with the row kept
   */
  async remove(instance: Instance, { reason = 'requested', signal }: DeleteOptions): Promise<Deletion> {
    const { id, tenantId, attempts } = instance;
    const provider = await this.stores.reach(instance, signal);
    if (!provider) return 'requested';
    try {
      await provider.deprovision(id, signal);
    } catch (error) {
      signal?.throwIfAborted();
      const lastError = messageOf(error);
      const nextAttemptIn = waitAfter(attempts + 2, DEFAULT_INSTANCE_BACKOFF);
      await this.instances.change(tenantId, id, { lastError, attempts: attempts + 1, nextAttemptIn });
      throw new InstanceNotRemovedError(id, instance.provider, lastError, { cause: error });
    }
    await this.transactions.run(async () => {
      if (await this.instances.delete(tenantId, id))
        await this.events.publish('instance.deleted', instance, { reason });
    });
    return 'removed';
  }

  private async attempt(
    instance: Instance,
    repair: Exclude<Finding['repair'], 'remove' | 'note'>,
    provider: Provider,
    backoff: InstanceBackoff,
    signal?: AbortSignal,
  ): Promise<Instance> {
    try {
      if (repair === 'stop') {
        await provider.stop(instance.id, signal);
        return await this.settle(instance, provider, stopped(), signal);
      }
      const made = await callProvider(provider, repair, instance, signal);
      if (made.state !== 'running') throw new Error(`the provider calls it ${made.state}`);
      const renewed = repair === 'restart' || repair === 'deploy';
      return await this.settle(instance, provider, { ...running(instance, made), renewed }, signal, repair);
    } catch (error) {
      if (error instanceof UnknownInstanceError) throw error;
      signal?.throwIfAborted();
      return this.failed(instance, provider, error, repair, backoff, signal);
    }
  }

  private async failed(
    instance: Instance,
    provider: Provider,
    error: unknown,
    repair: Finding['repair'],
    backoff: InstanceBackoff,
    signal?: AbortSignal,
  ): Promise<Instance> {
    const attempts = instance.attempts + 1;
    const hasRun = instance.state === 'running' || instance.ref !== undefined;
    const change: InstanceChange = {
      ...(repair !== 'stop' && { state: 'failed' }),
      reason: reasonOf(error, instance.reason, hasRun),
      lastError: messageOf(error),
      logTail: (await logTailOf(provider, instance, signal)) ?? null,
      attempts,
      nextAttemptIn: waitAfter(attempts + 1, backoff),
    };
    return this.settle(instance, provider, change, signal);
  }

  /** It ran, and does not any more. Undefined when it has changed since it was read. */
  private async noteEnd(
    instance: Instance,
    drift: End,
    observed: ProviderInstance | undefined,
    provider: Provider,
    backoff: InstanceBackoff,
    signal?: AbortSignal,
  ): Promise<Instance | undefined> {
    const { id, tenantId } = instance;
    const ranFor = Number(await this.instances.now()) - Number(instance.stateSince);
    const attempts = ranFor >= backoff.stableAfter ? 1 : instance.attempts + 1;
    const loops = attempts >= backoff.crashLoopAfter;
    const reason = loops ? 'crash_looping' : drift === 'missing' ? 'missing' : 'exited';
    const exitCode = observed?.exitCode ?? null;
    const change: InstanceChange = {
      state: 'failed',
      reason,
      exitCode,
      lastError: endOf(drift, observed),
      logTail: drift === 'missing' ? null : ((await logTailOf(provider, instance, signal, observed)) ?? null),
      attempts,
      nextAttemptIn: waitAfter(attempts, backoff) || null,
    };
    const seen = { state: instance.state, attempts: instance.attempts, desiredState: instance.desiredState };
    return this.transactions.run(async () => {
      const noted = await this.instances.change(tenantId, id, change, STAYING, seen);
      if (noted && loops && instance.reason !== 'crash_looping')
        await this.events.publish('instance.crash_looping', noted, {
          attempts,
          exitCode,
          error: noted.lastError,
        });
      else if (noted && !loops)
        await this.events.publish('instance.drifted', noted, { drift, exitCode, error: noted.lastError });
      return noted;
    });
  }

  /** Nothing to do at the provider: the row learns what is there, and after a stable time its failures are forgotten. */
  private async note(
    instance: Instance,
    observed: ProviderInstance,
    { stableAfter }: InstanceBackoff,
  ): Promise<Instance> {
    const provider = await this.stores.reach(instance);
    if (instance.desiredState === 'stopped') return this.settle(instance, provider!, stopped());
    if (instance.state !== 'running') return this.settle(instance, provider!, running(instance, observed));
    const isCounting = instance.attempts > 0 || instance.reason !== undefined;
    const ranFor = isCounting ? Number(await this.instances.now()) - Number(instance.stateSince) : 0;
    if (isCounting && ranFor < stableAfter) {
      if (!instance.requestedAt) return instance;
      return this.settle(instance, provider!, { requested: false });
    }
    return this.settle(instance, provider!, { ...WELL, attempts: 0, reason: null });
  }

  /**
   * Stores what became of an attempt, unless something else was asked for meanwhile: then that is for the next one.
   * Undoes it if the instance has been deleted.
   */
  private async settle(
    before: Instance,
    provider: Provider,
    change: InstanceChange,
    signal?: AbortSignal,
    repair?: Finding['repair'],
  ): Promise<Instance> {
    const { id, tenantId, desiredState, specHash, restartRequested, attempts } = before;
    // The attempts as well: an end that was noted meanwhile is later than what this attempt has made. And the run: another
    // call may have made it run, whose end is not the failure of this attempt.
    const ref = before.ref ?? null;
    const seen = {
      desiredState,
      specHash,
      restartRequested,
      attempts,
      ...((change.ref !== undefined || change.state === 'failed') && { ref }),
    };
    const settled = await this.transactions.run(async () => {
      // The first one publishes it: of two calls that made it run at the same time, the second sees the changed state.
      const others = STAYING.filter((state) => state !== change.state);
      const turned = change.state && (await this.instances.change(tenantId, id, change, others, seen));
      if (turned) await this.events.tellTurn(before, turned);
      const now = turned || (await this.instances.change(tenantId, id, change, STAYING, seen));
      if (now && !turned) await this.events.tellSettled(before, now, repair);
      return now ?? (await this.instances.find(tenantId, id));
    });
    if (settled?.state === 'running' && change.ref && settled.ref !== change.ref)
      return this.settleLater(settled, provider, change, signal);
    if (settled && settled.state !== 'destroying') return settled;
    await provider.deprovision(id, signal);
    throw new UnknownInstanceError(tenantId, id);
  }

  /**
   * Another call has stored another run of it as running. The run that its provider has now is the later of the two:
   * if it is this one, the other has ended in between, unnoticed.
   */
  private async settleLater(
    stored: Instance,
    provider: Provider,
    change: InstanceChange,
    signal?: AbortSignal,
  ): Promise<Instance> {
    const { id, tenantId, ref = null, attempts } = stored;
    if ((await provider.status(id, signal)).ref !== change.ref) return stored;
    return this.transactions.run(async () => {
      const later = { ...change, attempts: attempts + 1, renewed: true };
      const settled = await this.instances.change(tenantId, id, later, ['running'], { ref });
      if (!settled) return stored;
      await this.events.publish('instance.drifted', settled, {
        drift: 'exited',
        exitCode: null,
        error: endOf('exited'),
      });
      await this.events.publish('instance.recovered', settled);
      return settled;
    });
  }
}
