import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { type DataSource, type DataSourceOptions } from 'typeorm';
import { connect, type DatabaseOptions, dataSourceOptions } from './data-source.js';
import { migrate } from './migrate.js';
import { Transactions } from '../database/transaction.js';

export interface DatabaseModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  inject?: NonNullable<Parameters<typeof TypeOrmModule.forRootAsync>[0]['inject']> | undefined;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever `inject` names
  useFactory: (...injected: any[]) => DatabaseOptions | Promise<DatabaseOptions>;
}

/**
 * The database of the control plane: a connected, migrated `DataSource` and `Transactions`, injectable
 * everywhere. Connections stay open until `onApplicationShutdown`, so that draining workers can use them.
 *
 * Start-up fails with `DatabaseUnreachableError`, `InvalidDatabaseUrlError` or `UnknownMigrationsError`. A
 * database that is lost later is no end: queries fail until it is back.
 */
@Module({})
export class DatabaseModule {
  static forRoot(options: DatabaseOptions): DynamicModule {
    return this.forRootAsync({ useFactory: () => options });
  }

  static forRootAsync({ imports, inject = [], useFactory }: DatabaseModuleAsyncOptions): DynamicModule {
    const typeOrm = TypeOrmModule.forRootAsync({
      imports,
      inject,
      useFactory: async (...injected: unknown[]) => ({
        ...dataSourceOptions(await useFactory(...injected)),
        // `openDataSource` knows what is worth waiting for.
        toRetry: () => false,
      }),
      dataSourceFactory: openDataSource,
    });
    return {
      module: DatabaseModule,
      global: true,
      imports: [typeOrm],
      providers: [Transactions],
      exports: [Transactions],
    };
  }
}

async function openDataSource(options?: DataSourceOptions): Promise<DataSource> {
  const dataSource = await connect(options!);
  try {
    await migrate(dataSource);
    return dataSource;
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}
