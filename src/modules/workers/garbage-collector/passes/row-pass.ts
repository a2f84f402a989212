import { Injectable } from '@nestjs/common';
import { Transactions } from '../../../database/transaction.js';
import { type TenantId } from '../../../ids/typed-id.js';
import { type PassLimits } from './garbage-pass.js';
import { type Garbage, SweepPass } from './sweep-pass.js';

/** What a pass over rows asks. */
export interface RowStatements {
  /**
   * The next garbage, as `key`, `tenantId` and `cause`, by key. $1: the last key of the page before, at first ''. $2: how
   * many. $3: milliseconds that it must be old.
   */
  readonly find: string;
  /** How many rows each tenant of $1 has, as `tenantId` and `total`. */
  readonly totals: string;
  /** Deletes the row with the key $1, if it is still garbage. */
  readonly delete: string;
}

/** A pass over the rows of one table: one query for each page, and one statement for each row that goes. */
@Injectable()
export abstract class RowPass extends SweepPass {
  protected abstract readonly statements: RowStatements;
  protected override readonly distributed = true;

  constructor(protected readonly transactions: Transactions) {
    super();
  }

  protected async *pages({ pageSize, gracePeriod }: PassLimits): AsyncIterable<readonly Garbage[]> {
    for (let after = ''; ;) {
      const page = await this.transactions.query<Garbage>(this.statements.find, [
        after,
        pageSize,
        gracePeriod,
      ]);
      yield page;
      if (page.length < pageSize) return;
      after = page.at(-1)!.key;
    }
  }

  protected async remove({ key }: Garbage, _signal: AbortSignal): Promise<boolean> {
    return (await this.transactions.affected(this.statements.delete, [key])) === 1;
  }

  protected override async totals(
    tenantIds: readonly (TenantId | undefined)[],
  ): Promise<Map<TenantId | undefined, number>> {
    const rows = await this.transactions.query<{ tenantId: TenantId; total: number }>(
      this.statements.totals,
      [tenantIds],
    );
    return new Map(rows.map(({ tenantId, total }) => [tenantId, total]));
  }
}
