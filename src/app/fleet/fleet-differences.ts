import { isDeepStrictEqual } from 'node:util';
import {
  bootstrapHash,
  type BootstrapServiceSpec,
  parseBootstrapSpecs,
} from '../../modules/bootstrap/bootstrap-spec.js';
import { type Datacenter } from '../../modules/datacenters/datacenter.js';
import { specHash } from '../../modules/providers/spec-hash.js';
import { type WorkloadRequest, type WorkloadUpdate } from '../../modules/workloads/workload-input.js';
import { type Deployment } from '../../modules/workloads/deployment.js';
import { type Workload } from '../../modules/workloads/workload.js';

/** In what a workload differs from what the file says of it. */
export interface WorkloadDifferences {
  /** What `WorkloadsService.update` changes. */
  changes: WorkloadUpdate;
  /** Keys that are set once, when the workload is made. */
  fixed: ('provider' | 'datacenter' | 'labels')[];
}

/**
 * What the file leaves out is as it is.
 * @param failed its last deployment, if that has failed: the spec is stored, and is not what runs
 */
export function differencesOf(
  stored: Workload,
  declared: WorkloadRequest,
  failed: Deployment | undefined,
): WorkloadDifferences {
  const { replicas, spec, driftPolicy, rollout } = declared;
  const changes: WorkloadUpdate = {};
  if (replicas !== stored.replicas) changes.replicas = replicas;
  if (failed || specHash(spec) !== stored.specHash) changes.spec = spec;
  if (driftPolicy !== undefined && driftPolicy !== stored.driftPolicy) changes.driftPolicy = driftPolicy;
  const differs = Object.entries(rollout ?? {}).some(
    ([key, value]) => value !== undefined && value !== stored.rollout[key as keyof typeof stored.rollout],
  );
  if (differs) changes.rollout = rollout;
  const fixed: WorkloadDifferences['fixed'] = [];
  if (declared.provider !== undefined && declared.provider !== stored.provider) fixed.push('provider');
  if (declared.datacenterId !== stored.datacenterId) fixed.push('datacenter');
  if (!isDeepStrictEqual(declared.labels ?? {}, stored.labels)) fixed.push('labels');
  return { changes, fixed };
}

/** Names of the bootstrap services that a datacenter declares in another way, or that only one of the two has. */
export function differentBootstrap(
  { bootstrap }: Pick<Datacenter, 'bootstrap'>,
  declared: readonly BootstrapServiceSpec[],
): string[] {
  const hashes = (specs: readonly BootstrapServiceSpec[]) =>
    new Map(parseBootstrapSpecs(specs).map((spec) => [spec.name, bootstrapHash(spec)]));
  const [before, after] = [hashes(bootstrap), hashes(declared)];
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
}
