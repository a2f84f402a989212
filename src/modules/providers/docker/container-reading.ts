import { type InstanceId } from '../../ids/typed-id.js';
import { UnknownServiceError } from '../provider.errors.js';
import { type Endpoint, type ProviderInstance, type ProviderState, type ServiceStatus } from '../provider.js';
import { kindOf } from '../services/service-plan.js';
import { allPorts, serviceNames } from '../services/service-programs.js';
import { MAIN } from '../services/service-spec.js';
import { statusOfInstance } from '../services/service-status.js';
import {
  type ContainerRecord,
  type ListedContainer,
  OWN_LABELS,
  type OwnContainer,
  readRecord,
  toOwn,
} from './container-notes.js';

/** The containers of one service of an instance. */
export interface HeldContainers {
  instanceId: InstanceId;
  /** `main`: the instance's own program. */
  service: string;
  /** The one that is the service: a `next` when there is nothing else, whose predecessor was removed. */
  present: OwnContainer;
  /** Beside `present`, left by a replacement that did not come to its end. */
  leftovers: OwnContainer[];
}

/** All containers of one instance. */
export interface HeldInstance {
  instanceId: InstanceId;
  /** At least one. */
  services: HeldContainers[];
  /** Absent where a start did not come that far. */
  main: HeldContainers | undefined;
}

/** Containers by instance and service. Of those that have more than one, which is the service. */
export function groupByInstance(
  namespace: string,
  containers: readonly ListedContainer[],
): Map<InstanceId, HeldInstance> {
  const all = new Map<InstanceId, Map<string, OwnContainer[]>>();
  for (const container of containers) {
    const own = toOwn(namespace, container);
    if (!own) continue;
    const services = all.get(own.instanceId) ?? new Map<string, OwnContainer[]>();
    services.set(own.service, [...(services.get(own.service) ?? []), own]);
    all.set(own.instanceId, services);
  }
  const rank = { current: 0, stopped: 1, next: 2, renamed: 3 };
  return new Map(
    [...all].map(([instanceId, byService]) => {
      const services = [...byService].map(([service, own]): HeldContainers => {
        const [present, ...leftovers] = own.sort((a, b) => rank[a.role] - rank[b.role]);
        return { instanceId, service, present: present!, leftovers };
      });
      return [instanceId, { instanceId, services, main: services.find(({ service }) => service === MAIN) }];
    }),
  );
}

/** What it was made from. All of its containers hold it; that of the main program goes first. */
export function recordOf({ main, services }: HeldInstance): ContainerRecord | undefined {
  const records = [main, ...services].map((held) => held && readRecord(held.present.container));
  const found = main ? records[0] : records.find((record) => record !== undefined);
  return found && { ...found, service: undefined };
}

/**
 * The container of that service; undefined for one that the spec has, and that is not there.
 * @throws UnknownServiceError
 */
export function presentOf(held: HeldInstance, service: string = MAIN): OwnContainer | undefined {
  const found = held.services.find((each) => each.service === service);
  if (found) return found.present;
  const names = serviceNames(recordOf(held)?.spec ?? {});
  if (!names.includes(service)) throw new UnknownServiceError(held.instanceId, service, names);
  return undefined;
}

/** What the list says of an instance. Nothing more is asked for: two hundred of them cost one call. */
export function describe(held: HeldInstance, reachAt: string): ProviderInstance {
  const { instanceId } = held;
  const record = recordOf(held);
  const { container } = (held.main ?? held.services[0]!).present;
  if (!record) return { instanceId, state: 'unknown', labels: {}, endpoints: [], ref: container.Id };
  const startedAt = startedAtOf(container);
  const isToldToStop = ({ present }: HeldContainers) => present.role === 'stopped';
  const isStopped = held.main ? isToldToStop(held.main) : held.services.every(isToldToStop);
  const found = held.services.map((service) => ({
    status: serviceOf(service),
    specHash: service.present.container.Labels[OWN_LABELS.specHash],
  }));
  return {
    instanceId,
    tenantId: record.tenantId,
    labels: record.labels,
    endpoints: endpointsOf(record, reachAt),
    ref: container.Id,
    ...(startedAt && { startedAt }),
    ...statusOfInstance(record.spec, found, isStopped ? 'stopped' : 'running'),
  };
}

/** What the list says of one service. */
export function serviceOf({ service, present: { container, role } }: HeldContainers): ServiceStatus {
  const state = stateOf(container, role);
  const [, exitCode] = state === 'exited' ? (/^Exited \((\d+)\)/.exec(container.Status) ?? []) : [];
  const startedAt = startedAtOf(container);
  return {
    name: service,
    kind: kindOf(readRecord(container)?.spec, service),
    state,
    ref: container.Id,
    ...(startedAt && { startedAt }),
    ...(exitCode !== undefined && { exitCode: Number(exitCode) }),
  };
}

export function isRunning({ State }: ListedContainer): boolean {
  return State === 'running';
}

/** A container that somebody has paused is left to them. */
function stateOf({ State }: ListedContainer, role: OwnContainer['role']): ProviderState {
  if (State === 'running') return 'running';
  if (State === 'paused' || State === 'restarting') return 'unknown';
  return role === 'stopped' ? 'stopped' : 'exited';
}

function endpointsOf({ spec, ports }: ContainerRecord, host: string): Endpoint[] {
  return allPorts(spec).flatMap(({ name }) => {
    const port = ports[name];
    return port === undefined ? [] : [{ name, host, port }];
  });
}

function startedAtOf({ State, Labels }: ListedContainer): Date | undefined {
  const text = Labels[OWN_LABELS.startedAt];
  const date = new Date(Number(text));
  return State !== 'created' && text && !Number.isNaN(+date) ? date : undefined;
}
