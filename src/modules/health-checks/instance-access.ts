import { type InstanceId, type TenantId } from '../ids/typed-id.js';
import { type Endpoint, type ExecResult } from '../providers/provider.js';

/** An instance as far as its checks have to know it. */
export interface CheckedInstance {
  readonly id: InstanceId;
  readonly tenantId: TenantId;
  readonly provider: string;
  readonly endpoints: readonly Endpoint[];
  /** Whether it should run: an instance that is stopped, or being deleted, is not checked. */
  readonly checked: boolean;
  /** Since when it runs, by the clock of the stores: its checks count anew when it is started. Absent: not known. */
  readonly runningSince?: Date;
}

/** What health checks ask of instances. Not there where checks have targets of their own only. */
export abstract class InstanceAccess {
  /** Those that exist. */
  abstract find(ids: readonly InstanceId[]): Promise<CheckedInstance[]>;

  /** @throws as `Provider.exec` does; `ProberFault` where this replica does not reach the instance */
  abstract exec(
    instance: Pick<CheckedInstance, 'id' | 'provider'>,
    command: readonly string[],
    signal: AbortSignal,
  ): Promise<ExecResult>;

  /** Ends and starts it, unless it was stopped since it was checked: then it stays stopped. */
  abstract restart(tenantId: TenantId, id: InstanceId, signal: AbortSignal): Promise<void>;
}
