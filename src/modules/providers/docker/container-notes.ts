import { z } from 'zod';
import { type InstanceId, isId, type TenantId } from '../../ids/typed-id.js';
import {
  type InstanceLimits,
  type InstanceSpec,
  LABELS,
  type Labels,
  type ProvisionRequest,
} from '../provider.js';
import { programOf } from '../services/service-programs.js';
import { MAIN } from '../services/service-spec.js';
import { instanceSpecSchema } from '../provision-request.schema.js';
import { parseImage } from './image-reference.js';

/**
 * All that the provider knows is on the containers: no file of a replica's, which another replica could not read. Labels
 * cannot be changed, so every start makes a new container; a stop, which needs no other program, is told by the name.
 */

/** Labels of containers and volumes, beside the instance's. */
export const OWN_LABELS = {
  namespace: 'ctrlplane.namespace',
  store: 'ctrlplane.store',
  record: 'ctrlplane.record',
  startedAt: 'ctrlplane.started-at',
  specHash: 'ctrlplane.spec-hash',
  volume: 'ctrlplane.volume',
  /** Absent on the container of the main program. */
  service: 'ctrlplane.service',
  serviceKind: 'ctrlplane.service-kind',
} as const;

/** What the containers of an instance were made from: each has all of it. */
export interface ContainerRecord {
  /** Which service the container is. Absent: the main program. */
  service?: string | undefined;
  tenantId: TenantId;
  name: string;
  labels: Labels;
  spec: InstanceSpec;
  /** What `rollback` returns to. */
  previousSpec?: InstanceSpec | undefined;
  /** Limits by `scale`, which hold over those of the spec until the next `deploy`. */
  scaled?: InstanceLimits | undefined;
  /** Published numbers by name of the port, of all services, so that the instance gets the same again. */
  ports: Record<string, number>;
}

const schema: z.ZodType<ContainerRecord> = z.object({
  service: z.string().optional(),
  tenantId: z.custom<TenantId>((value) => isId('tenant', value)),
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  spec: instanceSpecSchema,
  previousSpec: instanceSpecSchema.optional(),
  scaled: z.object({ cpuCores: z.number().optional(), memoryBytes: z.number().optional() }).optional(),
  ports: z.record(z.string(), z.int().min(1).max(65_535)),
});

/** What the daemon lists of a container. */
export interface ListedContainer {
  Id: string;
  Names: string[];
  Image: string;
  ImageID: string;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`; Podman has some more. */
  State: string;
  /** In words, such as `Exited (3) 2 minutes ago`. */
  Status: string;
  Labels: Record<string, string>;
}

/** A container of ours. */
export interface OwnContainer {
  container: ListedContainer;
  instanceId: InstanceId;
  /** `main`: the instance's own program. */
  service: string;
  /** `renamed`: somebody has given it another name. It is what it was, behind all that have theirs. */
  role: ContainerRole | 'renamed';
}

/**
 * `current`: the instance, or one service of it. `stopped`: the same, told to stop. `next`: made to take the place of one of those, which
 * happens when that is removed; beside one it is nothing yet.
 */
export type ContainerRole = 'current' | 'stopped' | 'next';

const ROLES: readonly ContainerRole[] = ['current', 'stopped', 'next'];

/** The role goes before the service, in whose name there may be dots. */
export function containerName(
  namespace: string,
  id: InstanceId,
  role: ContainerRole,
  service: string = MAIN,
): string {
  return `${namespace}-${id}${role === 'current' ? '' : `.${role}`}${service === MAIN ? '' : `.svc.${service}`}`;
}

/** Undefined for what has our labels and was not made by us: they come with an image that was made from a container of ours. */
export function toOwn(namespace: string, container: ListedContainer): OwnContainer | undefined {
  const { [LABELS.instance]: instanceId, [OWN_LABELS.namespace]: own } = container.Labels;
  if (!isId('instance', instanceId)) return undefined;
  const service = container.Labels[OWN_LABELS.service] ?? MAIN;
  const role = ROLES.find((each) =>
    container.Names.includes(`/${containerName(namespace, instanceId, each, service)}`),
  );
  if (role) return { container, instanceId, service, role };
  return own === namespace && isOfItsImage(container, service)
    ? { container, instanceId, service, role: 'renamed' }
    : undefined;
}

/** The image may be listed with more than the spec has: a registry, a tag. */
function isOfItsImage(container: ListedContainer, service: string): boolean {
  const record = readRecord(container);
  const image = record && programOf(record.spec, service).image;
  if (image === undefined) return false;
  const { repository, tag } = parseImage(container.Image);
  const wanted = parseImage(image);
  return (
    tag === wanted.tag && (repository === wanted.repository || repository.endsWith(`/${wanted.repository}`))
  );
}

/** Undefined when it cannot be read. Never quoted: it holds the environment. */
export function readRecord({ Labels }: Pick<ListedContainer, 'Labels'>): ContainerRecord | undefined {
  try {
    return schema.parse(JSON.parse(Labels[OWN_LABELS.record] ?? ''));
  } catch {
    return undefined;
  }
}

export function toRequest(
  instanceId: InstanceId,
  { tenantId, name, labels, spec }: ContainerRecord,
): ProvisionRequest {
  return { instanceId, tenantId, name, labels, spec };
}
