export {
  EmbeddedPostgresError,
  PostgresServerError,
  WrongPasswordError,
} from './embedded-postgres.errors.js';
export {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './embedded-postgres.js';
export { type ServerStatus } from './supervisor.js';
