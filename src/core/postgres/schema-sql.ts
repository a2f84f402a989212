import pg from 'pg';
import { schemaNameOf } from './postgres-options.js';
import { createVersionTable, noteStep, schemaSteps } from './sql/schema-steps.js';

export interface SchemaSqlOptions {
  /** As in the options of `postgres({ … })`. Default `workers`. */
  schema?: string | undefined;
  /** Installed version, from the table `schema_version` of the schema. Default 0: none. */
  installed?: number | undefined;
  /** Role of the application's connections, which is granted the rights that it needs. Default: no grants. */
  role?: string | undefined;
}

/**
 * The SQL that installs or upgrades the schema, for when the application may not create tables. Apply it in one
 * transaction. With `manageSchema: false` the application does not try it itself.
 * @throws PostgresOptionsError for an invalid schema name
 */
export function schemaSql({ schema, installed = 0, role }: SchemaSqlOptions = {}): string {
  const name = schemaNameOf(schema);
  const parts = [missingSteps(name, installed)];
  if (role !== undefined) parts.push(grants(name, pg.escapeIdentifier(role)));
  return `${parts.join('\n')}\n`;
}

/** The SQL that upgrades the schema from the installed version to that of this code. */
export function missingSteps(schema: string, installed: number): string {
  const steps = schemaSteps(schema)
    .slice(installed)
    .map((step, i) => step + noteStep(schema, installed + i + 1));
  return [createVersionTable(schema), ...steps].join('\n');
}

/** @param role a quoted identifier */
export function grants(schema: string, role: string): string {
  return (
    `GRANT USAGE ON SCHEMA ${schema} TO ${role}; ` +
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role};`
  );
}
