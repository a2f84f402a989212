import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type InstanceId } from '../ids/typed-id.js';
import { type Instance } from '../instances/instance.js';
import { InstanceReadiness, type Readiness } from '../instances/readiness.js';
import { HealthCheckRepository } from './health-check.repository.js';
import { type CheckState } from './check-state.js';

/** An instance that has checks is ready when all of them pass: a rolling update waits for that. */
@Injectable()
export class HealthReadiness implements OnModuleInit {
  constructor(
    private readonly readiness: InstanceReadiness,
    private readonly checks: HealthCheckRepository,
  ) {}

  onModuleInit(): void {
    this.readiness.add((instances) => this.of(instances));
  }

  private async of(instances: readonly Pick<Instance, 'id'>[]): Promise<ReadonlyMap<InstanceId, Readiness>> {
    const found = await this.checks.statesOfInstancesAcrossTenants(instances.map(({ id }) => id));
    const verdicts = new Map<InstanceId, Readiness>();
    for (const { instanceId, name, state } of found) {
      if (typeof verdicts.get(instanceId) === 'string') continue;
      const passes = state !== undefined && isPassing(state);
      verdicts.set(instanceId, passes || `its check "${name}" is ${state?.status ?? 'starting'}`);
    }
    return verdicts;
  }
}

/** What the prober cannot tell for a fault of its own stays as it was told last. */
function isPassing({ status, told }: CheckState): boolean {
  const known = status === 'unknown' ? told : status;
  return known === 'healthy' || known === 'degraded';
}
