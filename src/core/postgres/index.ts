export { postgres, PostgresCoordinator } from './postgres.coordinator.js';
export { DatabaseSilentError } from './bounded-query.js';
export { postgresHistory, PostgresRunStore } from './postgres-run.store.js';
export { type DataSourceLike, type PostgresOptions } from './postgres-options.js';
export { schemaSql, type SchemaSqlOptions } from './schema-sql.js';
export {
  MissingRightError,
  PostgresOptionsError,
  ReadOnlyDatabaseError,
  SchemaNewerThanCodeError,
  SchemaOutdatedError,
  SchemaSharedError,
} from './postgres.errors.js';
