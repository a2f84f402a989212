import { InvalidWorkersError } from '../core/registry/worker.errors.js';
import { PostgresOptionsError, SchemaNewerThanCodeError } from '../core/postgres/postgres.errors.js';
import {
  DatabaseUnreachableError,
  InvalidDatabaseUrlError,
  MissingTablesError,
  ReadOnlyDatabaseError,
  UnknownMigrationsError,
} from '../modules/schema/schema.errors.js';
import {
  InvalidEncryptionKeysError,
  MissingEncryptionKeyError,
} from '../modules/certificates/keys/key-ring.errors.js';
import { InvalidDnsServersError } from '../modules/dns/dns.errors.js';
import { visible } from '../core/text/visible.js';
import { AppConfigError } from './config/config.errors.js';
import { DatabaseSilentError } from './database-patience.js';
import { DataDirectoryInUseError, UnusableDirectoryError } from './data-directory/index.js';
import { EmbeddedPostgresError } from './embedded-postgres/index.js';
import { FleetFileError } from './fleet/fleet.errors.js';
import { PortInUseError } from './port.js';
import { AppRefusedError, NoRunningAppError } from './running-app.js';

/** What a user can mend: the message says all. */
const EXPECTED = [
  AppConfigError,
  FleetFileError,
  DataDirectoryInUseError,
  UnusableDirectoryError,
  EmbeddedPostgresError,
  PortInUseError,
  NoRunningAppError,
  AppRefusedError,
  InvalidDatabaseUrlError,
  DatabaseUnreachableError,
  DatabaseSilentError,
  MissingTablesError,
  ReadOnlyDatabaseError,
  UnknownMigrationsError,
  SchemaNewerThanCodeError,
  PostgresOptionsError,
  InvalidWorkersError,
  InvalidEncryptionKeysError,
  MissingEncryptionKeyError,
  InvalidDnsServersError,
];

/**
 * An error of the start as a person wants to read it; the stack only of what nobody foresaw. Paths and the like may hold what
 * a terminal obeys.
 */
export function explain(error: unknown): string {
  const text = EXPECTED.some((kind) => error instanceof kind)
    ? (error as Error).message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);
  return text.split('\n').map(visible).join('\n');
}
