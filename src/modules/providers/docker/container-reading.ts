import { type InstanceId } from '../../ids/typed-id.js';
import { type Endpoint, type ProviderInstance, type ProviderState } from '../provider.js';
import {
  type ContainerRecord,
  type ListedContainer,
  OWN_LABELS,
  type OwnContainer,
  readRecord,
  toOwn,
} from './container-notes.js';

/** The containers of one instance. */
export interface HeldInstance {
  instanceId: InstanceId;
  /** The one that is the instance: absent when there is only a `next`, whose predecessor was removed. */
  present: OwnContainer;
  /** Beside `present`, left by a replacement that did not come to its end. */
  leftovers: OwnContainer[];
}

/** Containers by instance. Of those that have more than one, which is the instance. */
export function groupByInstance(
  namespace: string,
  containers: readonly ListedContainer[],
): Map<InstanceId, HeldInstance> {
  const all = new Map<InstanceId, OwnContainer[]>();
  for (const container of containers) {
    const own = toOwn(namespace, container);
    if (own) all.set(own.instanceId, [...(all.get(own.instanceId) ?? []), own]);
  }
  const rank = { current: 0, stopped: 1, next: 2 };
  return new Map(
    [...all].map(([instanceId, own]) => {
      const [present, ...leftovers] = own.sort((a, b) => rank[a.role] - rank[b.role]);
      return [instanceId, { instanceId, present: present!, leftovers }];
    }),
  );
}

/** What the list says of an instance. Nothing more is asked for: two hundred of them cost one call. */
export function describe({ container, instanceId, role }: OwnContainer, reachAt: string): ProviderInstance {
  const { Id, Labels, Status } = container;
  const record = readRecord(container);
  if (!record) return { instanceId, state: 'unknown', labels: {}, endpoints: [], ref: Id };
  const state = stateOf(container, role);
  const startedAt = container.State === 'created' ? undefined : dateOf(Labels[OWN_LABELS.startedAt]);
  const [, exitCode] = state === 'exited' ? (/^Exited \((\d+)\)/.exec(Status) ?? []) : [];
  return {
    instanceId,
    tenantId: record.tenantId,
    state,
    labels: record.labels,
    endpoints: endpointsOf(record, reachAt),
    ref: Id,
    ...(startedAt && { startedAt }),
    ...(exitCode !== undefined && { exitCode: Number(exitCode) }),
    specHash: Labels[OWN_LABELS.specHash],
    desiredState: role === 'stopped' ? 'stopped' : 'running',
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
  return (spec.ports ?? []).flatMap(({ name }) => {
    const port = ports[name];
    return port === undefined ? [] : [{ name, host, port }];
  });
}

function dateOf(text: string | undefined): Date | undefined {
  const date = new Date(Number(text));
  return text && !Number.isNaN(+date) ? date : undefined;
}
