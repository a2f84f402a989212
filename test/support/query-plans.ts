import { type DataSource } from 'typeorm';
import { type Transactions } from '../../src/modules/database/transaction.js';

/** Takes the statements of what is given its `transactions`, answers each with no rows, and asks how they would be carried out. */
export function spiedQueries(dataSource: DataSource): {
  transactions: Transactions;
  plans(): Promise<string[]>;
} {
  const asked: { sql: string; values: unknown[] }[] = [];
  const query = async (sql: string, values: unknown[] = []): Promise<never[]> => {
    asked.push({ sql, values });
    return [];
  };
  return {
    transactions: { manager: () => ({ query }), query } as unknown as Transactions,
    async plans() {
      const plans: string[] = [];
      for (const { sql, values } of asked) {
        const [row] = await dataSource.query<[{ 'QUERY PLAN': unknown }]>(
          `EXPLAIN (FORMAT JSON) ${sql}`,
          values,
        );
        plans.push(JSON.stringify(row['QUERY PLAN']));
      }
      return plans;
    },
  };
}
