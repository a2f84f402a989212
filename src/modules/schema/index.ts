export { type DatabaseOptions } from './data-source.js';
export { DatabaseModule, type DatabaseModuleAsyncOptions } from './database.module.js';
export { migrate } from './migrate.js';
export {
  DatabaseUnreachableError,
  InvalidDatabaseUrlError,
  MissingTablesError,
  ReadOnlyDatabaseError,
  UnknownMigrationsError,
} from './schema.errors.js';
