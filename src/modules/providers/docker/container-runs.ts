import { sleep } from '../../../core/timing/timer.js';
import { type InstanceId } from '../../ids/typed-id.js';
import {
  ImageArchitectureError,
  PortTakenError,
  SpecNotSupportedError,
  StopFailedError,
} from '../provider.errors.js';
import { LABELS } from '../provider.js';
import { programOf } from '../services/service-programs.js';
import { MAIN } from '../services/service-spec.js';
import {
  containerName,
  type ContainerRecord,
  type ContainerRole,
  type ListedContainer,
  OWN_LABELS,
  type OwnContainer,
} from './container-notes.js';
import { type ContainerPorts } from './container-ports.js';
import { type HeldContainers, isRunning } from './container-reading.js';
import { containerRequest, networksOf, type Surroundings, volumeName } from './container-request.js';
import { type ContainerStore } from './container-store.js';
import { type DockerDaemon } from './docker-daemon.js';
import { asProvisionFailure, isAnswer, isMissing, wordsOf } from './docker-failure.js';
import { type DockerImages } from './docker-images.js';
import { type DockerProviderSettings } from './docker-provider.options.js';
import { outputLines } from './streams.js';

/** Other numbers, when somebody takes those that were free a moment ago. */
const PORT_ATTEMPTS = 3;

/** Milliseconds between two looks at a container that something else removes, and how often to look. */
const REMOVAL_PAUSE = 100;
const REMOVAL_LOOKS = 100;

/** Of runc, of crun. */
const EXEC_FORMAT = /^(?:standard_init_linux\.go|exec|\{"msg":"exec) .*exec format error/i;

interface Parts {
  daemon: DockerDaemon;
  store: ContainerStore;
  images: DockerImages;
  ports: ContainerPorts;
  settings: DockerProviderSettings;
  publishOn: string;
  storeId(signal?: AbortSignal): Promise<string>;
  /** Called before a container is ended. */
  ending(container: string): void;
}

/**
 * The steps by which the services of instances are started, stopped and removed. A start makes a container beside the present one, under
 * the name `….next`, and removes that before it takes its name: a replica that dies between two steps leaves the old one
 * or the new one, and the next call goes on from there.
 */
export class ContainerRuns {
  constructor(private readonly parts: Parts) {}

  /** Makes it run as the record says, in the place of what is held. What was new and cannot be started leaves nothing. */
  async start(
    id: InstanceId,
    record: ContainerRecord,
    held: HeldContainers | undefined,
    signal?: AbortSignal,
  ): Promise<HeldContainers> {
    const { image } = programOf(record.spec, record.service);
    const { ports, settings } = this.parts;
    if (image === undefined)
      throw new SpecNotSupportedError(id, settings.name, 'image', 'name the image that it is to run');
    try {
      for (let attempt = 1; ; attempt++) {
        const all = () => this.parts.daemon.containers(this.parts.store.label, signal);
        const allocated = await ports.allocate(id, record, all, this.isOnHostNetwork(record));
        const whole = { ...record, ports: allocated.ports };
        try {
          return await this.replace(id, whole, held, signal);
        } catch (error) {
          const failure = asProvisionFailure(settings.name, id, image, error);
          const isOurs = failure instanceof PortTakenError && allocated.isNew && attempt < PORT_ATTEMPTS;
          if (!isOurs) throw failure;
          held = await this.held(id, record.service, signal);
        }
      }
    } catch (error) {
      if (!held) await this.removeUnmade(id, record.service);
      throw asProvisionFailure(settings.name, id, image, error);
    } finally {
      ports.started(id);
    }
  }

  /**
   * A program for another machine is started, and found out then: its log alone says so, when it has ended. Starting it
   * once more cannot help.
   * @throws ImageArchitectureError
   */
  async requireFormat({ instanceId, present }: HeldContainers, signal?: AbortSignal): Promise<void> {
    const { daemon } = this.parts;
    const { Id, Image, State } = present.container;
    if (State !== 'exited') return;
    for await (const line of outputLines(daemon.logs(Id, { tail: 1, follow: false }, signal)))
      if (EXEC_FORMAT.test(line)) throw new ImageArchitectureError(instanceId, Image, line);
  }

  /** First the name says that it is to be stopped, so that who finds it running knows. */
  async stop({ instanceId, service, present }: HeldContainers, signal?: AbortSignal): Promise<void> {
    const { daemon, settings } = this.parts;
    const { container, role } = present;
    if (role !== 'stopped') {
      const stopped = containerName(settings.namespace, instanceId, 'stopped', service);
      await daemon.rename(container.Id, stopped, signal);
    }
    if (!hasEnded(container)) await this.end(instanceId, container, signal);
  }

  /** A stop that was told and not carried out is taken back. */
  async keepRunning(own: OwnContainer, signal?: AbortSignal): Promise<OwnContainer> {
    if (own.role === 'current') return own;
    const { daemon, settings } = this.parts;
    await daemon.rename(
      own.container.Id,
      containerName(settings.namespace, own.instanceId, 'current', own.service),
      signal,
    );
    return { ...own, role: 'current' };
  }

  /** All containers of one service. Its volumes stay. */
  async remove(held: HeldContainers, signal?: AbortSignal): Promise<void> {
    const { instanceId, present, leftovers } = held;
    for (const { container } of [present, ...leftovers]) {
      if (!hasEnded(container)) await this.end(instanceId, container, signal);
      await this.removeContainer(instanceId, container.Id, signal);
    }
  }

  private async replace(
    id: InstanceId,
    record: ContainerRecord,
    held: HeldContainers | undefined,
    signal?: AbortSignal,
  ): Promise<HeldContainers> {
    const { daemon, ports, settings } = this.parts;
    const name = (role: ContainerRole) => containerName(settings.namespace, id, role, record.service);
    for (const { container } of held?.leftovers ?? []) await this.removeContainer(id, container.Id, signal);
    // One whose predecessor was removed has the name already that is needed next.
    if (held?.present.role === 'next')
      await daemon.rename(held.present.container.Id, name('current'), signal);
    const made = await this.create(id, record, name(held ? 'next' : 'current'), signal);
    if (held) {
      const { container } = held.present;
      if (!hasEnded(container)) await this.end(id, container, signal);
      await this.removeContainer(id, container.Id, signal);
      await daemon.rename(made, name('current'), signal);
    }
    if (this.isOnHostNetwork(record)) await ports.requireFree(id, record);
    await this.begin(made, id, record.service, signal);
    const now = await this.held(id, record.service, signal);
    if (!now) throw new Error('somebody has removed its container');
    return now;
  }

  /** A daemon that answers with an error, or not at all, may have done it: the name tells. */
  private async create(
    id: InstanceId,
    record: ContainerRecord,
    name: string,
    signal?: AbortSignal,
  ): Promise<string> {
    const { daemon, images, settings } = this.parts;
    const program = programOf(record.spec, record.service);
    const image = program.image!;
    const store = await this.parts.storeId(signal);
    for (const volume of program.volumes ?? []) {
      const labels = {
        [LABELS.instance]: id,
        [LABELS.tenant]: record.tenantId,
        [OWN_LABELS.namespace]: settings.namespace,
        [OWN_LABELS.volume]: volume.name,
      };
      await daemon.createVolume(volumeName(settings.namespace, id, volume.name), labels, signal);
    }
    if (settings.pull === 'always') await images.pull(id, image, signal);
    const surroundings: Surroundings = { settings, store, publishOn: this.parts.publishOn };
    const make = () => daemon.create(name, containerRequest(id, record, surroundings), signal);
    const made = await make().catch(async (error: unknown) => {
      signal?.throwIfAborted();
      if (isMissing(error) && /image/i.test(wordsOf(error))) {
        await images.pull(id, image, signal);
        return make();
      }
      const there = await this.find(id, name, signal);
      if (there) return there.Id;
      throw error;
    });
    const [, ...networks] = networksOf(record, settings);
    for (const network of networks) await daemon.connect(network, made, signal);
    return made;
  }

  private async begin(
    container: string,
    id: InstanceId,
    service: string | undefined,
    signal?: AbortSignal,
  ): Promise<void> {
    try {
      await this.parts.daemon.start(container, signal);
    } catch (error) {
      signal?.throwIfAborted();
      const now = await this.held(id, service, signal);
      if (now?.present.container.Id !== container || !isRunning(now.present.container)) throw error;
    }
  }

  private async find(
    id: InstanceId,
    name: string,
    signal?: AbortSignal,
  ): Promise<ListedContainer | undefined> {
    const all = await this.parts.daemon.containers(`${LABELS.instance}=${id}`, signal);
    return all.find(({ Names }) => Names.includes(`/${name}`));
  }

  /** @throws StopFailedError when it runs on */
  private async end(id: InstanceId, { Id, State }: ListedContainer, signal?: AbortSignal): Promise<void> {
    const { daemon, ending, settings } = this.parts;
    ending(Id);
    const grace = Math.ceil(settings.stopGrace / 1_000);
    const stop = async () => {
      // What is frozen hears no signal, and Podman stops nothing that is.
      if (State === 'paused') await daemon.unpause(Id, signal);
      await daemon.stop(Id, grace, signal);
    };
    await stop().catch((error: unknown) => {
      signal?.throwIfAborted();
      if (!isAnswer(error)) throw error;
      throw new StopFailedError(id, wordsOf(error));
    });
  }

  private async removeContainer(id: InstanceId, container: string, signal?: AbortSignal): Promise<void> {
    for (let look = 0; look < REMOVAL_LOOKS; look++) {
      if (await this.parts.daemon.remove(container, signal)) return;
      await sleep(REMOVAL_PAUSE, signal);
    }
    throw new StopFailedError(id, 'something else has been removing or using its container for long');
  }

  private async removeUnmade(id: InstanceId, service: string | undefined): Promise<void> {
    try {
      const held = await this.held(id, service);
      if (held && !isRunning(held.present.container)) await this.remove(held);
    } catch {
      // What is left is listed as exited, and the next call goes on from there.
    }
  }

  private async held(
    id: InstanceId,
    service: string = MAIN,
    signal?: AbortSignal,
  ): Promise<HeldContainers | undefined> {
    const held = await this.parts.store.held(id, signal);
    return held?.services.find((each) => each.service === service);
  }

  private isOnHostNetwork(record: ContainerRecord): boolean {
    return networksOf(record, this.parts.settings)[0] === 'host';
  }
}

function hasEnded({ State }: ListedContainer): boolean {
  return State === 'exited' || State === 'created' || State === 'dead' || State === 'removing';
}
