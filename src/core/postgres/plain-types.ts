import type pg from 'pg';

type Parser = (text: string) => unknown;

/** By type of PostgreSQL: bool, int8, int2, int4, float4, float8, json, jsonb. All else stays text. */
const PARSERS = new Map<number, Parser>([
  [16, (text) => text === 't'],
  ...[20, 21, 23, 700, 701].map((oid): [number, Parser] => [oid, Number]),
  ...[114, 3802].map((oid): [number, Parser] => [oid, (text) => JSON.parse(text) as unknown]),
]);

/**
 * How our statements read their answers. The parsers that `pg` has by default are global and may be the application's
 * own (`pg.types.setTypeParser`), and instants come as the database's `DateStyle` says: so every statement of ours brings
 * these along, and answers with numbers, text and JSON only.
 */
export const plainTypes = {
  getTypeParser: (oid: number): Parser => PARSERS.get(oid) ?? String,
} as pg.CustomTypesConfig;
