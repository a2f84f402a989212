import { z } from 'zod';
import { type Duration } from '../../core/timing/duration.js';
import { type DatacenterId, newId, parseOptionalId, type TenantId } from '../ids/typed-id.js';
import { count } from '../input/count.js';
import { duration } from '../input/duration.js';
import { name, parseInput, shown } from '../input/input.js';
import { InvalidInputError } from '../input/input.errors.js';
import { type InstanceSpec, LABELS, type Labels } from '../providers/provider.js';
import { parseInstanceSpec, parseProvisionRequest } from '../providers/provision-request.schema.js';
import {
  DEFAULT_ROLLOUT,
  DRIFT_POLICIES,
  type DriftPolicy,
  type Rollout,
  type Workload,
} from './workload.js';
import { withDefaults } from '../input/with-defaults.js';

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
  /** Default `restart`. */
  driftPolicy?: DriftPolicy;
  /** What differs from the defaults. */
  rollout?: RolloutInput;
}

/** How instances are replaced; see `Rollout` for the defaults. */
export interface RolloutInput {
  maxUnavailable?: number;
  maxSurge?: number;
  minReady?: Duration;
  progressDeadline?: Duration;
}

/** What may be changed in a workload. */
export interface WorkloadUpdate {
  /** Begins a deployment if it runs something else. */
  spec?: InstanceSpec;
  replicas?: number;
  driftPolicy?: DriftPolicy;
  /** The changes. */
  rollout?: RolloutInput;
}

/** A workload as it was asked for, checked; only `provider` may still be open. */
export type CheckedWorkload = Pick<
  Workload,
  'name' | 'datacenterId' | 'spec' | 'labels' | 'replicas' | 'driftPolicy' | 'rollout'
> & {
  provider?: string;
};

const OWN_PREFIX = 'ctrlplane.';

const replicas = count(0, 1000);

const driftPolicy = z.enum(DRIFT_POLICIES, {
  error: ({ input }) => `${shown(input)} is no drift policy: use one of ${DRIFT_POLICIES.join(', ')}`,
});

const rolloutInput = z.strictObject({
  maxUnavailable: replicas.optional(),
  maxSurge: replicas.optional(),
  minReady: duration().optional(),
  progressDeadline: duration().optional(),
});

const update = z.strictObject({
  spec: z.unknown().optional(),
  replicas: replicas.optional(),
  driftPolicy: driftPolicy.optional(),
  rollout: rolloutInput.optional(),
});

const workload = z.strictObject({
  name,
  provider: z.string().optional(),
  datacenterId: z.string().optional(),
  spec: z.unknown(),
  labels: z.record(z.string(), z.string()).default({}),
  replicas,
  driftPolicy: driftPolicy.default('restart'),
  rollout: rolloutInput.default({}),
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
  const { name, provider, datacenterId, labels, replicas, driftPolicy, rollout } = parseInput(
    'workload',
    workload,
    request,
  );
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
    datacenterId: parseOptionalId('datacenter', datacenterId),
    spec,
    labels,
    replicas,
    driftPolicy,
    rollout: parseRollout(rollout),
  };
}

/** @throws InvalidInputError naming every field that cannot be */
export function parseWorkloadUpdate(
  value: WorkloadUpdate,
): Omit<WorkloadUpdate, 'rollout'> & { rollout?: Partial<Rollout> } {
  const { spec, ...rest } = parseInput('workload update', update, value);
  return { ...rest, ...(spec !== undefined && { spec: parseInstanceSpec(spec as InstanceSpec) }) };
}

/**
 * The rollout with its defaults.
 * @throws InvalidInputError when it could not take a single step
 */
export function parseRollout(rollout: Partial<Rollout>): Rollout {
  const whole: Rollout = withDefaults(DEFAULT_ROLLOUT, rollout);
  if (whole.maxUnavailable + whole.maxSurge === 0)
    throw new InvalidInputError('rollout', [
      'maxSurge: 0, and maxUnavailable 0: nothing could be replaced, set one of them to 1 or more',
    ]);
  return whole;
}

function refuseOwnLabels(labels: Labels): void {
  const faults = Object.keys(labels)
    .filter((key) => key.startsWith(OWN_PREFIX) && key !== LABELS.gc)
    .map((key) => `labels: ${shown(key)} is set by the control plane: remove it`);
  if (faults.length) throw new InvalidInputError('workload', faults);
}
