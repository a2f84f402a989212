import {
  type DeepPartial,
  type EntityTarget,
  type FindOptionsWhere,
  type ObjectLiteral,
  type QueryDeepPartialEntity,
  type Repository,
} from 'typeorm';
import { type Id, type IdKind, parseId, type TenantId } from '../ids/typed-id.js';
import { findPage, mapPage, type Page, type PageQuery, type Position } from './page.js';
import { breaksUnique, updated } from './rows.js';
import { type Transactions } from './transaction.js';

export interface TenantRowsOptions<K extends IdKind, E extends ObjectLiteral, T> {
  entity: EntityTarget<E>;
  kind: K;
  /** What a row is outside of its repository. */
  toItem: (row: E) => T;
}

/**
 * Rows of one table that belong to tenants: what every repository of such rows does alike, in the current transaction if
 * there is one. A tenant is shown nothing of another, and a malformed id is refused with `InvalidIdError`.
 */
export class TenantRows<K extends IdKind, E extends ObjectLiteral & Position & { tenantId: TenantId }, T> {
  constructor(
    private readonly transactions: Transactions,
    private readonly options: TenantRowsOptions<K, E, T>,
  ) {}

  get table(): Repository<E> {
    return this.transactions.manager().getRepository(this.options.entity);
  }

  /** The one row. */
  key(tenantId: TenantId, id: Id<K>): { tenantId: TenantId; id: Id<K> } {
    return { ...this.of(tenantId), id: parseId(this.options.kind, id) };
  }

  /** All rows of the tenant. */
  of(tenantId: TenantId): { tenantId: TenantId } {
    return { tenantId: parseId('tenant', tenantId) };
  }

  /** @param taken by the name of a unique constraint, the error of a row that would break it */
  async insert(values: DeepPartial<E>, taken: Record<string, () => Error> = {}): Promise<T> {
    const { table } = this;
    const row = table.create(values);
    try {
      await table.insert(row as QueryDeepPartialEntity<E>);
    } catch (error) {
      const broken = Object.keys(taken).find((constraint) => breaksUnique(error, constraint));
      throw broken === undefined ? error : taken[broken]!();
    }
    return this.options.toItem(row);
  }

  find(tenantId: TenantId, id: Id<K>): Promise<T | undefined> {
    return this.findBy(this.key(tenantId, id) as FindOptionsWhere<E>);
  }

  async findBy(where: FindOptionsWhere<E>): Promise<T | undefined> {
    return this.item(await this.table.findOneBy(where));
  }

  /** Oldest first, those that fit. */
  async list(tenantId: TenantId, query: PageQuery = {}, where: FindOptionsWhere<E> = {}): Promise<Page<T>> {
    const rows = this.table.createQueryBuilder('item').where({ ...where, ...this.of(tenantId) });
    return mapPage(await findPage(rows, query), this.options.toItem);
  }

  /** The row, which nobody else changes or locks until the transaction ends. */
  async lock(tenantId: TenantId, id: Id<K>): Promise<T | undefined> {
    const where = this.key(tenantId, id) as FindOptionsWhere<E>;
    return this.item(await this.table.findOne({ where, lock: { mode: 'pessimistic_write' } }));
  }

  /** Changes the one row that fits, and gives it as it is then. */
  async change(where: FindOptionsWhere<E>, change: QueryDeepPartialEntity<E>): Promise<T | undefined> {
    return this.item(await updated(this.table, where, change));
  }

  /** @returns whether this call removed it */
  async delete(tenantId: TenantId, id: Id<K>): Promise<boolean> {
    const { affected } = await this.table.delete(this.key(tenantId, id) as FindOptionsWhere<E>);
    return affected === 1;
  }

  private item(row: E | null | undefined): T | undefined {
    return row ? this.options.toItem(row) : undefined;
  }
}
