import { Injectable } from '@nestjs/common';
import { withSystemClaims } from '../auth/claims.js';
import { type InstanceId, type TenantId } from '../ids/typed-id.js';
import { type Instance } from '../instances/instance.js';
import { InstanceRepository } from '../instances/instance.repository.js';
import { InstancesService } from '../instances/instances.service.js';
import { type ExecResult } from '../providers/provider.js';
import { InstanceNotProvisionedError, InstanceNotRunningError } from '../providers/provider.errors.js';
import { ProviderRegistry } from '../providers/provider.registry.js';
import { type CheckedInstance, InstanceAccess } from './instance-access.js';
import { ProbeFailure } from './probes/prober.js';

/** The control plane's instances. */
@Injectable()
export class ServiceInstanceAccess extends InstanceAccess {
  constructor(
    private readonly rows: InstanceRepository,
    private readonly instances: InstancesService,
    private readonly providers: ProviderRegistry,
  ) {
    super();
  }

  async find(ids: readonly InstanceId[]): Promise<CheckedInstance[]> {
    const found = await this.rows.findAllAcrossTenants(ids);
    return found.map((instance) => ({
      id: instance.id,
      tenantId: instance.tenantId,
      provider: instance.provider,
      endpoints: instance.endpoints,
      checked: isChecked(instance),
      ...(instance.state === 'running' && { runningSince: instance.stateSince }),
    }));
  }

  async exec(
    { id, provider }: Pick<CheckedInstance, 'id' | 'provider'>,
    command: readonly string[],
    signal: AbortSignal,
  ): Promise<ExecResult> {
    try {
      return await this.providers.get(provider).exec(id, [...command], signal);
    } catch (error) {
      if (error instanceof InstanceNotRunningError || error instanceof InstanceNotProvisionedError)
        throw new ProbeFailure('The instance does not run', { cause: error });
      throw error;
    }
  }

  async restart(tenantId: TenantId, id: InstanceId, signal: AbortSignal): Promise<void> {
    await withSystemClaims(tenantId, () => this.instances.restartUnlessStopped(tenantId, id, signal));
  }
}

/** One that is being made has nothing to answer yet, and one that was stopped is not to answer. */
function isChecked({ state, desiredState }: Instance): boolean {
  return desiredState === 'running' && (state === 'running' || state === 'failed');
}
