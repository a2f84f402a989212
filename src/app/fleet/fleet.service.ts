import { Injectable, Optional } from '@nestjs/common';
import { systemClaims, withClaims, withSystemClaims } from '../../modules/auth/claims.js';
import { everyItem } from '../../modules/database/page.js';
import { UnknownDatacenterError } from '../../modules/datacenters/datacenter.errors.js';
import { DatacentersService } from '../../modules/datacenters/datacenters.service.js';
import { type HealthCheckRequest } from '../../modules/health-checks/health-check-input.js';
import { type DatacenterId, type TenantId, type WorkloadId } from '../../modules/ids/typed-id.js';
import { type Instance } from '../../modules/instances/instance.js';
import { InstancesService } from '../../modules/instances/instances.service.js';
import { ProviderRegistry } from '../../modules/providers/provider.registry.js';
import { UnknownTenantError } from '../../modules/tenants/tenant.errors.js';
import { TenantsService } from '../../modules/tenants/tenants.service.js';
import { type WorkloadRequest } from '../../modules/workloads/workload-input.js';
import { UnknownWorkloadError } from '../../modules/workloads/workload.errors.js';
import { WorkloadsService } from '../../modules/workloads/workloads.service.js';
import { FleetChecks } from './fleet-checks.js';
import { differencesOf, differentBootstrap } from './fleet-differences.js';
import { type FleetFile, type FleetTenant } from './fleet-file.js';
import { PROVIDERS } from './fleet-program.js';
import { eachOf, type FleetDownReport, type FleetFailure, type FleetUpReport } from './fleet-report.js';

/** The providers whose instances belong to this app alone, whatever became of their rows. */
const OWN_PROVIDERS = PROVIDERS;

/** What ends it, and what could not be handled. */
interface FleetWork {
  readonly signal: AbortSignal | undefined;
  readonly failures: FleetFailure[];
}

/** An instance that runs as far as its row knows. */
interface StoredAsRunning {
  subject: string;
  instance: Instance;
}

/**
 * Brings the fleet of a file up, and down again, as `system:fleet`. Both converge: a call that is repeated,
 * also after a crash in the middle of it, finishes what is missing and touches nothing else.
 */
@Injectable()
export class FleetService {
  constructor(
    private readonly tenants: TenantsService,
    private readonly datacenters: DatacentersService,
    private readonly workloads: WorkloadsService,
    private readonly instances: InstancesService,
    private readonly providers: ProviderRegistry,
    @Optional() private readonly checks?: FleetChecks,
  ) {}

  /**
   * Creates the tenants, datacenters and workloads that are missing, changes those workloads and bootstrap services
   * that differ, begins failed deployments again, and brings back instances that are missing or failed. Leaves alone what
   * the file does not name, and says of what it names what cannot be changed. Called again later, it undoes what somebody
   * has changed since.
   * @throws the signal's reason when it aborts. All else that goes wrong is in the report.
   */
  async up(fleet: FleetFile, signal?: AbortSignal): Promise<FleetUpReport> {
    const failures: FleetFailure[] = [];
    const work: FleetWork = { signal, failures };
    const report: FleetUpReport = {
      created: [],
      scaled: [],
      updated: [],
      bootstrapped: [],
      outdated: [],
      wanted: 0,
      running: 0,
      failures,
    };
    const stored: StoredAsRunning[] = [];
    await withClaims(systemClaims('fleet'), async () => {
      await eachOf(
        fleet.tenants,
        ({ name }) => name,
        work,
        (tenant) => this.upTenant(tenant, work, report, stored),
      );
    });
    await this.countRunning(stored, work, report);
    return report;
  }

  /**
   * Removes every workload and every instance of the tenants in the file, whether or not it names them, and
   * then whatever else the process provider still holds. Tenants and datacenters stay.
   * @throws the signal's reason when it aborts. All else that goes wrong is in the report.
   */
  async down(fleet: FleetFile, signal?: AbortSignal): Promise<FleetDownReport> {
    const work: FleetWork = { signal, failures: [] };
    const report: FleetDownReport = { workloads: 0, instances: 0, failures: work.failures };
    await withClaims(systemClaims('fleet'), async () => {
      await eachOf(
        fleet.tenants,
        ({ name }) => name,
        work,
        ({ name }) => this.downTenant(name, work, report),
      );
      await eachOf(
        OWN_PROVIDERS.filter((name) => this.providers.has(name)),
        (name) => name,
        work,
        (name) => this.removeLeftovers(name, work, report),
      );
    });
    return report;
  }

  private async upTenant(
    declared: FleetTenant,
    work: FleetWork,
    report: FleetUpReport,
    stored: StoredAsRunning[],
  ): Promise<void> {
    const { name, workloads } = declared;
    const { id } =
      (await known(this.tenants.getByName(name), UnknownTenantError)) ??
      (await this.tenants.create({ name }));
    await withSystemClaims(id, async () => {
      const datacenterIds = await this.upDatacenters(id, declared, work, report);
      for (const { datacenter, checks = [], ...workload } of workloads) {
        const datacenterId = datacenter === undefined ? undefined : datacenterIds.get(datacenter);
        const request = { ...workload, datacenterId };
        const subject = `${name}/${workload.name}`;
        const steps = [
          () => this.upWorkload(id, request, subject, work.signal, report, stored),
          () => this.upChecks(id, workload.name, checks),
        ];
        await eachOf(
          steps,
          () => subject,
          work,
          (step) => step(),
        );
      }
    });
  }

  private async upDatacenters(
    tenantId: TenantId,
    { name: tenant, datacenters }: FleetTenant,
    work: FleetWork,
    report: FleetUpReport,
  ): Promise<Map<string, DatacenterId>> {
    const ids = new Map<string, DatacenterId>();
    for (const { name, bootstrap } of datacenters) {
      const found = await known(this.datacenters.getByName(tenantId, name), UnknownDatacenterError);
      const datacenter = found ?? (await this.datacenters.create(tenantId, { name }));
      ids.set(name, datacenter.id);
      const declared = bootstrap && differentBootstrap(datacenter, bootstrap).length ? [bootstrap] : [];
      const subject = `${tenant}/${name}`;
      await eachOf(
        declared,
        () => subject,
        work,
        async (services) => {
          await this.datacenters.setBootstrap(tenantId, datacenter.id, services);
          report.bootstrapped.push(subject);
        },
      );
    }
    return ids;
  }

  private async upWorkload(
    tenantId: TenantId,
    declared: WorkloadRequest,
    subject: string,
    signal: AbortSignal | undefined,
    report: FleetUpReport,
    stored: StoredAsRunning[],
  ): Promise<void> {
    report.wanted += declared.replicas;
    const found = await known(this.workloads.getByName(tenantId, declared.name), UnknownWorkloadError);
    const { id } = found ?? (await this.workloads.create(tenantId, declared, signal));
    if (!found) report.created.push(subject);
    else {
      const failed = await this.workloads.failedDeployment(tenantId, id);
      const { changes, fixed } = differencesOf(found, declared, failed);
      const { replicas, ...others } = changes;
      if (Object.keys(changes).length) await this.workloads.update(tenantId, id, changes, signal);
      else await this.workloads.converge(tenantId, id, signal);
      if (replicas !== undefined) report.scaled.push(subject);
      if (Object.keys(others).length) report.updated.push(subject);
      if (fixed.length) report.outdated.push(`${subject}: ${fixed.join(', ')}`);
    }

    const failed: Instance[] = [];
    for await (const instance of this.instancesOf(tenantId, id)) {
      if (instance.state === 'running') stored.push({ subject, instance });
      if (instance.state === 'failed') failed.push(instance);
    }
    if (failed.length)
      throw new Error(
        `${failed.length} of ${declared.replicas} instances do not run. The first: ${failed[0]?.lastError}`,
      );
  }

  private async upChecks(tenantId: TenantId, name: string, checks: HealthCheckRequest[]): Promise<void> {
    const workload = await known(this.workloads.getByName(tenantId, name), UnknownWorkloadError);
    if (workload)
      await this.checks?.declare(tenantId, workload.id, this.instancesOf(tenantId, workload.id), checks);
  }

  /** A row says what was wanted and once achieved; whether it runs now is for the provider to say. */
  private async countRunning(
    stored: readonly StoredAsRunning[],
    work: FleetWork,
    report: FleetUpReport,
  ): Promise<void> {
    const providers = new Set(stored.map(({ instance }) => instance.provider));
    await eachOf(
      providers,
      (name) => name,
      work,
      async (name) => {
        const listed = await this.providers.get(name).list(work.signal);
        const found = new Map(listed.map((one) => [one.instanceId, one]));
        for (const { subject, instance } of stored.filter(({ instance }) => instance.provider === name)) {
          const { state = 'missing', exitCode } = found.get(instance.id) ?? {};
          if (state === 'running') report.running++;
          else {
            const code = exitCode === undefined ? '' : ` with code ${exitCode}`;
            work.failures.push({ subject, reason: `${instance.id} does not run: it is ${state}${code}` });
          }
        }
      },
    );
  }

  private async downTenant(name: string, work: FleetWork, report: FleetDownReport): Promise<void> {
    const { signal } = work;
    const tenant = await known(this.tenants.getByName(name), UnknownTenantError);
    if (!tenant) return;
    await withSystemClaims(tenant.id, async () => {
      const before = await count(this.instancesOf(tenant.id));
      const workloads = everyItem((after) => this.workloads.list(tenant.id, { after }));
      await eachOf(
        workloads,
        (workload) => `${name}/${workload.name}`,
        work,
        async ({ id }) => {
          await this.workloads.delete(tenant.id, id, { signal });
          report.workloads++;
        },
      );
      // What a workload that is gone, or none at all, has left behind.
      await eachOf(
        this.instancesOf(tenant.id),
        ({ id }) => id,
        work,
        ({ id }) => this.instances.delete(tenant.id, id, { signal }),
      );
      report.instances += before - (await count(this.instancesOf(tenant.id)));
    });
  }

  /** Of tenants that are not in the file, and what has lost its row. */
  private async removeLeftovers(name: string, work: FleetWork, report: FleetDownReport): Promise<void> {
    const { signal } = work;
    const provider = this.providers.get(name);
    const left = await provider.list(signal);
    await eachOf(
      left,
      ({ instanceId }) => instanceId,
      work,
      async ({ instanceId, tenantId }) => {
        if (tenantId) await this.instances.delete(tenantId, instanceId, { signal });
        await provider.deprovision(instanceId, signal);
        report.instances++;
      },
    );
  }

  private instancesOf(tenantId: TenantId, workloadId?: WorkloadId): AsyncGenerator<Instance> {
    return everyItem((after) => this.instances.list(tenantId, { workloadId, after }));
  }
}

/** What was asked for, or undefined when the answer is that nobody knows it. */
export async function known<T>(
  answer: Promise<T>,
  unknown: new (...args: never[]) => Error,
): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof unknown) return undefined;
    throw error;
  }
}

async function count(items: AsyncIterator<unknown>): Promise<number> {
  let n = 0;
  while (!(await items.next()).done) n++;
  return n;
}
