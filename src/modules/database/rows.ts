import {
  type FindOptionsWhere,
  type ObjectLiteral,
  type QueryDeepPartialEntity,
  QueryFailedError,
  type Repository,
} from 'typeorm';
import { untilNoConflict } from './conflict.js';

/**
 * Changes the one row that fits, and gives it as it is then; undefined when none does. Outside of a transaction it is
 * sent again when it was the victim of a deadlock: whoever waits for a row is in line before others who have locks.
 */
export async function updated<E extends ObjectLiteral>(
  rows: Repository<E>,
  where: FindOptionsWhere<E>,
  change: QueryDeepPartialEntity<E>,
): Promise<E | undefined> {
  const update = () => rows.createQueryBuilder().update().set(change).where(where).returning('*').execute();
  const { raw } = await (rows.manager.queryRunner ? update() : untilNoConflict(update));
  const [row] = raw as Record<string, unknown>[];
  return row && entityOf(rows, row);
}

/** Whether the error says that a row would break that unique constraint. */
export function breaksUnique(error: unknown, constraint: string): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  const { code, constraint: broken } = error.driverError as { code?: string; constraint?: string };
  return code === '23505' && broken === constraint;
}

/** TypeORM hands out what `RETURNING *` gives as bare columns. */
function entityOf<E extends ObjectLiteral>(rows: Repository<E>, row: Record<string, unknown>): E {
  const { driver } = rows.manager.dataSource;
  const entity = rows.create();
  for (const column of rows.metadata.columns) {
    column.setEntityValue(entity, driver.prepareHydratedValue(row[column.databaseName], column));
  }
  return entity;
}
