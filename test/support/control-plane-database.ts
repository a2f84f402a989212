import { type DataSource } from 'typeorm';
import { connect, dataSourceOptions } from '../../src/modules/schema/data-source.js';
import { migrate } from '../../src/modules/schema/migrate.js';
import { Transactions } from '../../src/modules/database/transaction.js';
import { createTestDatabase } from './database.js';

/** A migrated database of one test file, with an open DataSource. */
export interface ControlPlaneDatabase {
  url: string;
  dataSource: DataSource;
  transactions: Transactions;
  /** Closes the DataSource and drops the database. */
  close(): Promise<void>;
}

/** Where all tables of the control plane are, and nothing in them. */
export function createControlPlaneDatabase() {
  return createTestDatabase({
    name: 'control-plane',
    prepare: async (url) => {
      await migrate(url);
    },
  });
}

export async function openControlPlaneDatabase(): Promise<ControlPlaneDatabase> {
  const { url, drop } = await createControlPlaneDatabase();
  const dataSource = await connect(dataSourceOptions({ url }));
  const transactions = new Transactions(dataSource);
  return {
    url,
    dataSource,
    transactions,
    close: async () => {
      await dataSource.destroy();
      await drop();
    },
  };
}
