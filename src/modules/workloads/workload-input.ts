import { z } from 'zod';
import { type DatacenterId, newId, parseId, type TenantId } from '../ids/typed-id.js';
import { name, parseInput, shown } from '../input/input.js';
import { InvalidInputError } from '../input/input.errors.js';
import { type InstanceSpec, LABELS, type Labels } from '../providers/provider.js';
import { parseProvisionRequest } from '../providers/provision-request.schema.js';
import { type Workload } from './workload.js';

/** What it takes to make a workload. */
export interface WorkloadRequest {
  /** Unique within the tenant. */
  name: string;
  /** Name of a registered provider; default is the registry's default. */
  provider?: string;
  datacenterId?: DatacenterId;
  spec: InstanceSpec;
  /** Given to every instance. `ctrlplane.*` is the control plane's own, but for `ctrlplane.gc`. */
  labels?: Labels;
  /** How many instances, 0 to 1000. */
  replicas: number;
}

/** A workload as it was asked for, checked; only `provider` may still be open. */
export type CheckedWorkload = Pick<Workload, 'name' | 'datacenterId' | 'spec' | 'labels' | 'replicas'> & {
  provider?: string;
};

const OWN_PREFIX = 'ctrlplane.';

const notAReplicaCount = {
  error: ({ input }: { input?: unknown }) => `${shown(input)} is not a whole number from 0 to 1000`,
};
const replicas = z.int(notAReplicaCount).min(0, notAReplicaCount).max(1000, notAReplicaCount);

const workload = z.strictObject({
  name,
  provider: z.string().optional(),
  datacenterId: z.string().optional(),
  spec: z.unknown(),
  labels: z.record(z.string(), z.string()).default({}),
  replicas,
});

/** @throws InvalidInputError when it is not a whole number from 0 to 1000. */
export function parseReplicas(value: number): number {
  return parseInput('workload', z.object({ replicas }), { replicas: value }).replicas;
}

/**
 * The workload that was asked for, every part of it checked as its instances will be.
 * @throws InvalidInputError, InvalidIdError
 */
export function parseWorkload(tenantId: TenantId, request: WorkloadRequest): CheckedWorkload {
  const { name, provider, datacenterId, labels, replicas } = parseInput('workload', workload, request);
  refuseOwnLabels(labels);
  const { spec } = parseProvisionRequest({
    instanceId: newId('instance'),
    tenantId,
    name,
    spec: request.spec,
    labels,
  });
  return {
    name,
    provider,
    datacenterId: datacenterId === undefined ? undefined : parseId('datacenter', datacenterId),
    spec,
    labels,
    replicas,
  };
}

function refuseOwnLabels(labels: Labels): void {
  const faults = Object.keys(labels)
    .filter((key) => key.startsWith(OWN_PREFIX) && key !== LABELS.gc)
    .map((key) => `labels: ${shown(key)} is set by the control plane: remove it`);
  if (faults.length) throw new InvalidInputError('workload', faults);
}
