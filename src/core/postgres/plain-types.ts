import type pg from 'pg';

type Parser = (text: string) => unknown;

/** By the OID of a type: bool, int8, int2, int4, float4, float8, json, jsonb. Other types stay text. */
const PARSERS = new Map<number, Parser>([
  [16, (text) => text === 't'],
  ...[20, 21, 23, 700, 701].map((oid): [number, Parser] => [oid, Number]),
  ...[114, 3802].map((oid): [number, Parser] => [oid, (text) => JSON.parse(text) as unknown]),
]);

/**
 * Parsers for the results of this package's statements. The default parsers of `pg` are global and may be replaced by the
 * application (`pg.types.setTypeParser`), and instants are formatted by the database's `DateStyle`: so every statement is
 * sent with these parsers, and returns only numbers, text and JSON.
 */
export const plainTypes = {
  getTypeParser: (oid: number): Parser => PARSERS.get(oid) ?? String,
} as pg.CustomTypesConfig;
