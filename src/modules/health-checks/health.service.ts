import { Inject, Injectable, Optional } from '@nestjs/common';
import { requireTenantAccess } from '../auth/claims.js';
import { everyItem, mapPage, type Page, type PageQuery } from '../database/page.js';
import {
  type HealthCheckId,
  type InstanceId,
  type MaintenanceWindowId,
  newId,
  parseId,
  type TenantId,
} from '../ids/typed-id.js';
import { UnknownInstanceError } from '../instances/instance.errors.js';
import { initialState, worstStatus } from './check-state.js';
import {
  NotAPushCheckError,
  UnknownHealthCheckError,
  UnknownMaintenanceWindowError,
} from './health-check.errors.js';
import { type HealthCheck, type HealthResult, type HealthStatus, type ProbeResult } from './health-check.js';
import {
  type CheckPlace,
  type HealthCheckChange,
  type HealthCheckRequest,
  parseHealthCheck,
  parseHealthCheckChange,
} from './health-check-input.js';
import { withoutSecrets } from './hidden-values.js';
import { HealthCheckRepository, type HealthCheckQuery } from './health-check.repository.js';
import { type Checker } from './health-checker.js';
import { HealthCheckers } from './health-checkers.js';
import { HealthEvents } from './health-events.js';
import { type CheckReport, reportOf } from './health-report.js';
import { HealthHistoryRepository, type HistoryQuery } from './health-history.repository.js';
import { watchHealth, type WatchQuery, type WatchedEvent } from './health-watch.js';
import { type CheckedInstance, InstanceAccess } from './instance-access.js';
import {
  type MaintenanceRequest,
  parseMaintenance,
  parsePush,
  type PushRequest,
} from './maintenance-input.js';
import { type MaintenanceWindow } from './maintenance.js';
import { MaintenanceRepository } from './maintenance.repository.js';
import { HEALTH_PROBES, type Probes } from './probes/probes.js';

/** Where an instance, or one check, stands. */
export interface CheckHealth {
  check: HealthCheck;
  status: HealthStatus;
  /** Since when it is so. */
  since: Date;
  flapping: boolean;
  /** The newest result. */
  last?: HealthResult;
}

export interface InstanceHealth {
  instanceId: InstanceId;
  /** The worst of its checks that are not turned off; `unknown` without any. */
  status: HealthStatus;
  checks: CheckHealth[];
}

/** A check to be made, and of which instance. */
export type ConfigureRequest = HealthCheckRequest & { instanceId?: InstanceId };

/**
 * Health checks of a tenant, and what they found. Every method takes claims that cover the tenant. Checks are given out
 * without the values of headers, bodies and configuration: they may be secrets.
 */
@Injectable()
export class HealthService {
  constructor(
    private readonly checks: HealthCheckRepository,
    private readonly history: HealthHistoryRepository,
    private readonly maintenance: MaintenanceRepository,
    private readonly checkers: HealthCheckers,
    private readonly events: HealthEvents,
    @Inject(HEALTH_PROBES) private readonly probes: Probes,
    @Optional() private readonly instances?: InstanceAccess,
  ) {}

  /**
   * Makes a check. Its first run is at a random instant of its first interval.
   * @throws InvalidInputError naming every field that cannot be; UnknownInstanceError, HealthCheckNameTakenError
   */
  async configure(tenantId: TenantId, { instanceId, ...request }: ConfigureRequest): Promise<HealthCheck> {
    requireTenantAccess(tenantId);
    if (instanceId !== undefined) await this.instance(tenantId, instanceId);
    const settings = parseHealthCheck(request, this.place(instanceId));
    return withoutSecrets(
      await this.checks.insert(tenantId, { ...settings, id: newId('healthCheck'), instanceId }),
    );
  }

  /**
   * Changes what is given; a probe is replaced as a whole.
   * @throws as `configure`; UnknownHealthCheckError
   */
  async update(tenantId: TenantId, id: HealthCheckId, change: HealthCheckChange): Promise<HealthCheck> {
    requireTenantAccess(tenantId);
    for (;;) {
      const check = await this.check(tenantId, id);
      const settings = parseHealthCheckChange(check, change, this.place(check.instanceId));
      const updated = await this.checks.update(tenantId, id, check.revision, settings);
      // Otherwise another call has changed it meanwhile: the change is applied to the new version.
      if (updated) return withoutSecrets(updated);
    }
  }

  /** One that is gone is success. */
  async remove(tenantId: TenantId, id: HealthCheckId): Promise<void> {
    requireTenantAccess(tenantId);
    await this.checks.delete(tenantId, id);
  }

  /** Undefined when there is none. */
  async findCheck(tenantId: TenantId, id: HealthCheckId): Promise<HealthCheck | undefined> {
    requireTenantAccess(tenantId);
    const check = await this.checks.find(tenantId, id);
    return check && withoutSecrets(check);
  }

  /** @throws UnknownHealthCheckError */
  async getCheck(tenantId: TenantId, id: HealthCheckId): Promise<HealthCheck> {
    requireTenantAccess(tenantId);
    return withoutSecrets(await this.check(tenantId, id));
  }

  /** Page by page, oldest first. */
  async listChecks(tenantId: TenantId, query?: HealthCheckQuery): Promise<Page<HealthCheck>> {
    requireTenantAccess(tenantId);
    return mapPage(await this.checks.list(tenantId, query), withoutSecrets);
  }

  /** Runs the check now, beside its schedule. Its result is kept nowhere and changes nothing. */
  async runCheck(
    tenantId: TenantId,
    id: HealthCheckId,
    signal?: AbortSignal,
  ): Promise<ProbeResult & { duration: number }> {
    requireTenantAccess(tenantId);
    const check = await this.check(tenantId, id);
    const instance = check.instanceId && (await this.instance(tenantId, check.instanceId));
    return this.probes.run(check, instance || undefined, signal);
  }

  /** @throws UnknownInstanceError */
  async getHealth(tenantId: TenantId, instanceId: InstanceId): Promise<InstanceHealth> {
    requireTenantAccess(tenantId);
    await this.instance(tenantId, instanceId);
    const healths = await this.healthOf(await this.checksOf(tenantId, instanceId));
    const statuses = healths.filter(({ check }) => check.enabled).map(({ status }) => status);
    return { instanceId, status: worstStatus(statuses), checks: healths };
  }

  /** @throws UnknownHealthCheckError */
  async getCheckHealth(tenantId: TenantId, id: HealthCheckId): Promise<CheckHealth> {
    requireTenantAccess(tenantId);
    const [health] = await this.healthOf([await this.check(tenantId, id)]);
    return health!;
  }

  /** Results, the newest first. @throws UnknownHealthCheckError */
  async getHistory(tenantId: TenantId, id: HealthCheckId, query?: HistoryQuery): Promise<HealthResult[]> {
    requireTenantAccess(tenantId);
    await this.check(tenantId, id);
    return this.history.recent([id], query);
  }

  /**
   * Results of all checks of an instance together, the newest first.
   * @param query `check`: only of the one with this id or name; an unknown one has none
   * @throws UnknownInstanceError
   */
  async getInstanceHistory(
    tenantId: TenantId,
    instanceId: InstanceId,
    { check, ...query }: HistoryQuery & { check?: string | undefined } = {},
  ): Promise<HealthResult[]> {
    requireTenantAccess(tenantId);
    await this.instance(tenantId, instanceId);
    const checks = (await this.checksOf(tenantId, instanceId)).filter(
      ({ id, name }) => check === undefined || id === check || name === check,
    );
    return this.history.recent(
      checks.map(({ id }) => id),
      query,
    );
  }

  /** Uptime and latency of the last hour, day, week and 30 days. @throws UnknownHealthCheckError */
  async getReport(tenantId: TenantId, id: HealthCheckId): Promise<CheckReport> {
    requireTenantAccess(tenantId);
    await this.check(tenantId, id);
    return reportOf(id, this.history);
  }

  /** What becomes of the tenant's checks from now on, until the signal aborts: transitions only. */
  watch(tenantId: TenantId, query: WatchQuery & { signal: AbortSignal }): AsyncGenerator<WatchedEvent> {
    requireTenantAccess(tenantId);
    if (query.instanceId !== undefined) parseId('instance', query.instanceId);
    return watchHealth(this.events, tenantId, query);
  }

  /** Takes the call of a target that a push check waits for. @throws UnknownHealthCheckError, NotAPushCheckError */
  async push(tenantId: TenantId, id: HealthCheckId, request: PushRequest = {}): Promise<void> {
    requireTenantAccess(tenantId);
    const check = await this.check(tenantId, id);
    if (check.probe.type !== 'push') throw new NotAPushCheckError(id);
    if (!(await this.checks.push(tenantId, id, parsePush(request)))) throw new UnknownHealthCheckError(id);
  }

  /** Makes a checker known by name, as `@HealthChecker` does. @throws CheckerNameTakenError */
  registerChecker(name: string, checker: Checker): void {
    this.checkers.register(name, checker);
  }

  /**
   * Time without consequences, once or recurring: of a check, of an instance, or of all of the tenant.
   * @throws InvalidInputError, UnknownHealthCheckError, UnknownInstanceError
   */
  async addMaintenance(tenantId: TenantId, request: MaintenanceRequest): Promise<MaintenanceWindow> {
    requireTenantAccess(tenantId);
    const window = parseMaintenance(request);
    if (window.checkId !== undefined) await this.check(tenantId, window.checkId);
    if (window.instanceId !== undefined) await this.instance(tenantId, window.instanceId);
    return this.maintenance.insert(tenantId, { ...window, id: newId('maintenanceWindow') });
  }

  async listMaintenance(tenantId: TenantId, query?: PageQuery): Promise<Page<MaintenanceWindow>> {
    requireTenantAccess(tenantId);
    return this.maintenance.list(tenantId, query);
  }

  /** Ends it, also while it is active. @throws UnknownMaintenanceWindowError */
  async removeMaintenance(tenantId: TenantId, id: MaintenanceWindowId): Promise<void> {
    requireTenantAccess(tenantId);
    if (!(await this.maintenance.delete(tenantId, id))) throw new UnknownMaintenanceWindowError(id);
  }

  private async check(tenantId: TenantId, id: HealthCheckId): Promise<HealthCheck> {
    const check = await this.checks.find(tenantId, id);
    if (!check) throw new UnknownHealthCheckError(id);
    return check;
  }

  private async checksOf(tenantId: TenantId, instanceId: InstanceId): Promise<HealthCheck[]> {
    const checks: HealthCheck[] = [];
    const page = (after?: string) => this.checks.list(tenantId, { instanceId, after, limit: 1_000 });
    for await (const check of everyItem(page)) checks.push(check);
    return checks;
  }

  private async instance(tenantId: TenantId, id: InstanceId): Promise<CheckedInstance> {
    const [instance] = this.instances ? await this.instances.find([parseId('instance', id)]) : [];
    if (instance?.tenantId !== tenantId) throw new UnknownInstanceError(tenantId, id);
    return instance;
  }

  private place(instanceId: InstanceId | undefined): CheckPlace {
    return { hasInstance: instanceId !== undefined, checkers: this.checkers.names() };
  }

  private async healthOf(checks: readonly HealthCheck[]): Promise<CheckHealth[]> {
    const ids = checks.map(({ id }) => id);
    const [states, latest] = await Promise.all([
      this.checks.statesAcrossTenants(ids),
      this.history.latest(ids),
    ]);
    return checks.map((check) => {
      const state = states.get(check.id)?.state ?? initialState(check.createdAt.getTime());
      return {
        check: withoutSecrets(check),
        status: state.status,
        since: new Date(state.since),
        flapping: state.flapping,
        last: latest.get(check.id),
      };
    });
  }
}
