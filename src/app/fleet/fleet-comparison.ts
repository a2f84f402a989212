import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { systemClaims, withClaims, withSystemClaims } from '../../modules/auth/claims.js';
import { everyItem } from '../../modules/database/page.js';
import { UnknownDatacenterError } from '../../modules/datacenters/datacenter.errors.js';
import { DatacentersService } from '../../modules/datacenters/datacenters.service.js';
import { type DatacenterId } from '../../modules/ids/typed-id.js';
import { specHash } from '../../modules/providers/spec-hash.js';
import { UnknownTenantError } from '../../modules/tenants/tenant.errors.js';
import { TenantsService } from '../../modules/tenants/tenants.service.js';
import { WorkloadsService } from '../../modules/workloads/workloads.service.js';
import { differencesOf, differentBootstrap } from './fleet-differences.js';
import { type FleetFile, type FleetTenant } from './fleet-file.js';
import { known } from './fleet.service.js';

/**
 * In what the control plane differs from a fleet file. `create`, `change`: `up` does that. `fixed`: it cannot be
 * changed, and goes on as it is. `restart`: it takes effect when the app is started with that file. `extra`: the file
 * does not name it, and it is left alone.
 */
export interface FleetDifference {
  /** `acme` for a tenant, `acme/web` for a workload or a datacenter. */
  subject: string;
  what: 'create' | 'change' | 'fixed' | 'restart' | 'extra';
  /** Such as `spec, replicas 2 -> 3`. Empty where the subject says all. */
  detail: string;
}

/** Compares a fleet file with what there is, and changes nothing. */
@Injectable()
export class FleetComparison {
  constructor(
    private readonly tenants: TenantsService,
    private readonly datacenters: DatacentersService,
    private readonly workloads: WorkloadsService,
  ) {}

  /** @param running what the app was started with */
  async compare(fleet: FleetFile, running: FleetFile): Promise<FleetDifference[]> {
    const found: FleetDifference[] = [];
    if (!isDeepStrictEqual(fleet.garbageCollector, running.garbageCollector))
      found.push({ subject: 'garbageCollector', what: 'restart', detail: '' });
    await withClaims(systemClaims('fleet'), async () => {
      for (const tenant of fleet.tenants) await this.compareTenant(tenant, found);
    });
    return found;
  }

  private async compareTenant(declared: FleetTenant, found: FleetDifference[]): Promise<void> {
    const { name, datacenters, workloads } = declared;
    const note = (what: FleetDifference['what'], subject: string, detail = ''): void =>
      void found.push({ subject, what, detail });
    const tenant = await known(this.tenants.getByName(name), UnknownTenantError);
    if (!tenant) {
      note('create', name);
      for (const each of datacenters) note('create', `${name}/${each.name}`);
      for (const each of workloads) note('create', `${name}/${each.name}`, `${each.replicas} replicas`);
      return;
    }
    await withSystemClaims(tenant.id, async () => {
      const ids = new Map<string, DatacenterId>();
      for (const { name: place, bootstrap } of datacenters) {
        const subject = `${name}/${place}`;
        const datacenter = await known(this.datacenters.getByName(tenant.id, place), UnknownDatacenterError);
        if (!datacenter) {
          note('create', subject);
          continue;
        }
        ids.set(place, datacenter.id);
        const different = bootstrap ? differentBootstrap(datacenter, bootstrap) : [];
        if (different.length) note('change', subject, `bootstrap ${different.join(', ')}`);
      }
      const left = new Map(workloads.map((workload) => [workload.name, workload]));
      for await (const stored of everyItem((after) => this.workloads.list(tenant.id, { after }))) {
        const subject = `${name}/${stored.name}`;
        const workload = left.get(stored.name);
        if (!workload) {
          note('extra', subject);
          continue;
        }
        left.delete(stored.name);
        const { datacenter, ...request } = workload;
        const datacenterId = datacenter === undefined ? undefined : ids.get(datacenter);
        const failed = await this.workloads.failedDeployment(tenant.id, stored.id);
        const { changes, fixed } = differencesOf(stored, { ...request, datacenterId }, failed);
        const isTriedAgain = failed?.specHash === specHash(request.spec);
        const told: Partial<Record<string, string>> = {
          replicas: `replicas ${stored.replicas} -> ${workload.replicas}`,
          spec: isTriedAgain ? `spec again, as its deployment failed (${failed.reason})` : 'spec',
        };
        const words = Object.keys(changes).map((key) => told[key] ?? key);
        if (words.length) note('change', subject, words.join(', '));
        if (fixed.length) note('fixed', subject, fixed.join(', '));
      }
      for (const each of left.values()) note('create', `${name}/${each.name}`, `${each.replicas} replicas`);
    });
  }
}
