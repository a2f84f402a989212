import { type HealthCheck } from '../../health-checks/health-check.js';
import { type HealthCheckRepository, type HealthTurn } from '../../health-checks/health-check.repository.js';
import { type CheckedInstance, type InstanceAccess } from '../../health-checks/instance-access.js';
import { type HealthCheckId, type InstanceId } from '../../ids/typed-id.js';
import { type ArmedTurn, Positions } from './turn.js';

/** The checks that this replica claims: read when they are new or changed, and kept. Their instances are read each time. */
export class ClaimedChecks {
  private readonly known = new Map<HealthCheckId, HealthCheck>();
  private readonly positions = new Positions();

  constructor(
    private readonly checks: Pick<HealthCheckRepository, 'findAllAcrossTenants'>,
    private readonly instances?: Pick<InstanceAccess, 'find'>,
  ) {}

  /** @returns what can run, and turns that pass without a result, as their instance is not to run */
  async arm(turns: readonly HealthTurn[]): Promise<{ armed: ArmedTurn[]; passed: HealthTurn[] }> {
    await this.readChecks(turns);
    const instances = await this.readInstances(turns);
    const [armed, passed]: [ArmedTurn[], HealthTurn[]] = [[], []];
    for (const turn of turns) {
      const check = this.known.get(turn.checkId);
      // Removed since it was claimed.
      if (!check) {
        this.positions.forget(turn.checkId);
        continue;
      }
      const instance = check.instanceId && instances.get(check.instanceId);
      if (check.instanceId !== undefined && this.instances && !instance?.checked) passed.push(turn);
      else
        armed.push({
          turn,
          check,
          instance: instance || undefined,
          position: this.positions.of(turn, check),
        });
    }
    return { armed, passed };
  }

  /** The check was changed or removed since that turn was claimed. */
  forget({ check }: ArmedTurn): void {
    if (this.known.get(check.id)?.revision !== check.revision) return;
    this.known.delete(check.id);
    this.positions.forget(check.id);
  }

  /** Whether the instance is as it was read: neither stopped nor started anew. What cannot be asked is taken to be so. */
  async isSame({ id, runningSince }: CheckedInstance): Promise<boolean> {
    const now = await this.instances?.find([id]).catch(() => undefined);
    if (!now) return true;
    const [instance] = now;
    return instance?.checked === true && instance.runningSince?.getTime() === runningSince?.getTime();
  }

  private async readChecks(turns: readonly HealthTurn[]): Promise<void> {
    const stale = turns.filter(({ checkId, revision }) => this.known.get(checkId)?.revision !== revision);
    if (stale.length === 0) return;
    for (const { checkId } of stale) this.known.delete(checkId);
    const found = await this.checks.findAllAcrossTenants(stale.map(({ checkId }) => checkId));
    for (const check of found) this.known.set(check.id, check);
  }

  private async readInstances(turns: readonly HealthTurn[]): Promise<Map<InstanceId, CheckedInstance>> {
    const ids = new Set(turns.flatMap(({ checkId }) => this.known.get(checkId)?.instanceId ?? []));
    if (!this.instances || ids.size === 0) return new Map();
    return new Map((await this.instances.find([...ids])).map((instance) => [instance.id, instance]));
  }
}
