import { type Clock } from '../../../core/timing/clock.js';
import { type InstanceId, isId, parseId } from '../../ids/typed-id.js';
import { InstanceNotProvisionedError, InstanceNotRunningError } from '../provider.errors.js';
import { LABELS, type LogOptions, type ProviderInstance, type ProviderVolume } from '../provider.js';
import { imagesOf } from '../services/service-programs.js';
import { parseLogOptions } from '../provision-request.schema.js';
import { orAborted } from '../waiting.js';
import { type ListedContainer, OWN_LABELS, type OwnContainer } from './container-notes.js';
import {
  describe,
  groupByInstance,
  type HeldInstance,
  isRunning,
  presentOf,
  recordOf,
} from './container-reading.js';
import { type DockerDaemon } from './docker-daemon.js';
import {
  asUnavailable,
  isAnswer,
  isConflict,
  isDaemonFailure,
  isMissing,
  isNotRunning,
} from './docker-failure.js';
import { type DockerProviderSettings } from './docker-provider.options.js';
import { type ContainerEvent } from './engine-api.js';
import { parseImage } from './image-reference.js';
import { RecentInstances } from './recent-instances.js';
import { outputLines } from './streams.js';

/** What a daemon holds of our namespace, as it is at the moment. Nothing of it is kept here, but in `recent`. */
export class ContainerStore {
  readonly recent: RecentInstances;

  constructor(
    private readonly daemon: DockerDaemon,
    private readonly settings: Pick<DockerProviderSettings, 'name' | 'namespace'>,
    private readonly reachAt: string,
    clock?: Clock,
  ) {
    this.recent = new RecentInstances(this, clock);
  }

  get namespace(): string {
    return this.settings.namespace;
  }

  /** By which all of ours is found. */
  get label(): string {
    return `${OWN_LABELS.namespace}=${this.namespace}`;
  }

  /** Every instance, in one call. */
  async all(signal?: AbortSignal): Promise<HeldInstance[]> {
    const containers = await this.reach(() => this.daemon.containers(this.label, signal), signal);
    return [...groupByInstance(this.namespace, containers).values()];
  }

  async list(signal?: AbortSignal): Promise<ProviderInstance[]> {
    return (await this.all(signal)).map((held) => this.describe(held));
  }

  /** From which its instances come, and came before their last deployment. @param containers all of the daemon's */
  repositoriesOf(containers: readonly ListedContainer[]): Set<string> {
    const records = [...groupByInstance(this.namespace, containers).values()].map(recordOf);
    const images = records.flatMap((record) => [
      ...imagesOf(record?.spec),
      ...imagesOf(record?.previousSpec),
    ]);
    return new Set(images.map((image) => parseImage(image).repository));
  }

  /** Those that were made for instances, whether these are there or not. */
  async volumes(signal?: AbortSignal): Promise<ProviderVolume[]> {
    const listed = await this.reach(() => this.daemon.volumes(this.label, signal), signal);
    return listed.flatMap(({ Name: name, Labels }) => {
      const {
        [LABELS.instance]: instanceId,
        [LABELS.tenant]: tenantId,
        [OWN_LABELS.volume]: own,
      } = Labels ?? {};
      if (!own || !isId('instance', instanceId)) return [];
      return [{ name, instanceId, ...(isId('tenant', tenantId) && { tenantId }) }];
    });
  }

  /** @returns whether it is gone: not while a container has it */
  removeVolume(name: string, signal?: AbortSignal): Promise<boolean> {
    return this.ask(() => this.daemon.removeVolume(name, signal), signal);
  }

  /** One instance, in one call. @throws InvalidIdError */
  async held(id: InstanceId, signal?: AbortSignal): Promise<HeldInstance | undefined> {
    const label = `${LABELS.instance}=${parseId('instance', id)}`;
    const containers = await this.reach(() => this.daemon.containers(label, signal), signal);
    return groupByInstance(this.namespace, containers).get(id);
  }

  /** @throws InstanceNotProvisionedError */
  async known(id: InstanceId, signal?: AbortSignal): Promise<HeldInstance> {
    const held = await this.held(id, signal);
    if (!held) throw new InstanceNotProvisionedError(id, this.settings.name);
    return held;
  }

  /** @throws InstanceNotProvisionedError, InstanceNotRunningError, UnknownServiceError */
  async running(id: InstanceId, signal?: AbortSignal, service?: string): Promise<OwnContainer> {
    const present = presentOf(await this.known(id, signal), service);
    if (!present || !isRunning(present.container)) throw new InstanceNotRunningError(id);
    return present;
  }

  /** A call on one that ran a moment ago. */
  async ofRunning<T>(id: InstanceId, call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await orAborted(call(), signal);
    } catch (error) {
      if (isMissing(error) || isConflict(error) || isNotRunning(error)) throw new InstanceNotRunningError(id);
      throw this.named(error, signal);
    }
  }

  async logs(id: InstanceId, options: LogOptions, signal?: AbortSignal): Promise<string[]> {
    const lines: string[] = [];
    for await (const line of this.readLog(id, options, false, signal)) lines.push(line);
    return lines;
  }

  async *readLog(
    id: InstanceId,
    options: LogOptions,
    follow: boolean,
    signal?: AbortSignal,
  ): AsyncGenerator<string> {
    const { tail, since, service } = parseLogOptions(options);
    const present = presentOf(await this.known(id, signal), service);
    if (!present) return; // it has not come that far
    // Podman takes 0 for all of them.
    if (tail === 0 && !follow) return;
    const query = { tail, since: since && +since / 1_000, follow };
    try {
      yield* outputLines(this.daemon.logs(present.container.Id, query, signal));
    } catch (error) {
      throw this.named(error, signal);
    }
  }

  events(signal: AbortSignal): Promise<AsyncIterable<ContainerEvent>> {
    return this.daemon.events(this.label, signal);
  }

  describe(held: HeldInstance): ProviderInstance {
    return describe(held, this.reachAt);
  }

  /** What the daemon gives. @throws ProviderUnavailableError when it gives none */
  async ask<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    try {
      return await orAborted(call(), signal);
    } catch (error) {
      throw this.named(error, signal);
    }
  }

  /** As `ask`, of a call that concerns no instance: whatever refuses it, 401 of a proxy say, is no daemon for us. */
  reach<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const reached = () =>
      call().catch((error: unknown) => {
        throw isAnswer(error) ? asUnavailable(this.settings.name, error) : error;
      });
    return this.ask(reached, signal);
  }

  private named(error: unknown, signal?: AbortSignal): unknown {
    if (signal?.aborted) return signal.reason;
    return isDaemonFailure(error) ? asUnavailable(this.settings.name, error) : error;
  }
}
