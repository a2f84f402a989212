import { Injectable } from '@nestjs/common';
import { type Repository } from 'typeorm';
import { findPage, type Page } from '../database/page.js';
import { breaksUnique, updated } from '../database/rows.js';
import { Transactions } from '../database/transaction.js';
import { type DomainId, parseId, type RouteId, type TenantId } from '../ids/typed-id.js';
import { RouteTakenError } from './network.errors.js';
import { ROUTE_TARGET_KEY, RouteEntity } from './route.entity.js';
import { type Route } from './route.js';
import { type NewRoute, type RouteChange, type RouteQuery, RouteStore } from './route.store.js';

/** Routes on Postgres. */
@Injectable()
export class TypeOrmRouteStore extends RouteStore {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async insert(tenantId: TenantId, route: NewRoute): Promise<Route> {
    const row = this.rows.create({
      ...route,
      ...key(tenantId, route.id),
      domainId: parseId('domain', route.domainId),
      workloadId: parseId('workload', route.workloadId),
    });
    try {
      await this.rows.insert(row);
    } catch (error) {
      if (!breaksUnique(error, ROUTE_TARGET_KEY)) throw error;
      throw new RouteTakenError(route.path, route.workloadId);
    }
    return { ...row };
  }

  async find(tenantId: TenantId, id: RouteId): Promise<Route | undefined> {
    const row = await this.rows.findOneBy(key(tenantId, id));
    return row ? { ...row } : undefined;
  }

  async list(tenantId: TenantId, { domainId, ...query }: RouteQuery = {}): Promise<Page<Route>> {
    const rows = this.rows.createQueryBuilder('route').where({ tenantId: parseId('tenant', tenantId) });
    if (domainId) rows.andWhere({ domainId: parseId('domain', domainId) });
    const { items, next } = await findPage(rows, query);
    return { items: items.map((row) => ({ ...row })), next };
  }

  async update(tenantId: TenantId, id: RouteId, change: RouteChange): Promise<Route | undefined> {
    const row = await updated(this.rows, key(tenantId, id), {
      ...change,
      updatedAt: () => 'clock_timestamp()',
    });
    return row && { ...row };
  }

  async delete(tenantId: TenantId, id: RouteId): Promise<boolean> {
    const { affected } = await this.rows.delete(key(tenantId, id));
    return affected === 1;
  }

  async deleteOfDomain(tenantId: TenantId, domainId: DomainId): Promise<void> {
    await this.rows.delete({ tenantId: parseId('tenant', tenantId), domainId: parseId('domain', domainId) });
  }

  private get rows(): Repository<RouteEntity> {
    return this.transactions.manager().getRepository(RouteEntity);
  }
}

function key(tenantId: TenantId, id: RouteId): { tenantId: TenantId; id: RouteId } {
  return { tenantId: parseId('tenant', tenantId), id: parseId('route', id) };
}
