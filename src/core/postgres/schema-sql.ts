import pg from 'pg';
import { schemaNameOf } from './postgres-options.js';
import { createVersionTable, noteStep, schemaSteps } from './sql/schema-steps.js';

export interface SchemaSqlOptions {
  /** As in the options of `postgres(…)`. Default `workers`. */
  schema?: string | undefined;
  /** Version that is installed, from the table `schema_version` of the schema. Default 0: nothing is. */
  installed?: number | undefined;
  /** Role that the application connects as, which is granted what it needs and no more. Default: no grants. */
  role?: string | undefined;
}

/**
 * The SQL that installs the schema, or brings it up to date, for whoever may create tables where the application may not. It
 * is to be applied in one transaction. `manageSchema: false` keeps the application from trying by itself.
 * @throws PostgresOptionsError for what is no schema name
 */
export function schemaSql({ schema, installed = 0, role }: SchemaSqlOptions = {}): string {
  const name = schemaNameOf(schema);
  const parts = [missingSteps(name, installed)];
  if (role !== undefined) parts.push(grants(name, pg.escapeIdentifier(role)));
  return `${parts.join('\n')}\n`;
}

/** SQL that brings the schema from that version to the one of this code. */
export function missingSteps(schema: string, installed: number): string {
  const steps = schemaSteps(schema)
    .slice(installed)
    .map((step, i) => step + noteStep(schema, installed + i + 1));
  return [createVersionTable(schema), ...steps].join('\n');
}

/** @param role as an identifier in SQL */
export function grants(schema: string, role: string): string {
  return (
    `GRANT USAGE ON SCHEMA ${schema} TO ${role}; ` +
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role};`
  );
}
