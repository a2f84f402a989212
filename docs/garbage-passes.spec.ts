import { Injectable } from '@nestjs/common';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { type DataSource } from 'typeorm';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../test/support/control-plane-database.js';
import { newId } from '../src/modules/ids/typed-id.js';
import { GarbagePasses, SweepPass } from '../src/modules/index.js';
import { garbagePassContract } from '../src/modules/testing/index.js';

const PAGE = readFileSync(new URL('workers/garbage-collector.md', import.meta.url), 'utf8');

describe('the pass on the page of the garbage collector', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    await database.dataSource.query(
      'CREATE TABLE reports (id text COLLATE "C" PRIMARY KEY, tenant_id text, keep_until timestamptz NOT NULL)',
    );
  });
  afterAll(() => database.close());

  const ExpiredReports = classOf(PAGE);
  let next = 0;
  const add = async (tenantId: string, keptFor: string): Promise<string> => {
    const id = `report-${next++}`;
    await database.dataSource.query('INSERT INTO reports VALUES ($1, $2, now() + $3::interval)', [
      id,
      tenantId,
      keptFor,
    ]);
    return id;
  };
  const contract = garbagePassContract(() => {
    const tenantId = newId('tenant');
    return {
      pass: new ExpiredReports(new GarbagePasses(), database.dataSource),
      tenantId,
      hasGracePeriod: true,
      addGarbage: (count) => Promise.all(Array.from({ length: count }, () => add(tenantId, '-2 hours'))),
      addKept: () => Promise.all([add(tenantId, '1 hour'), add(newId('tenant'), '-30 minutes')]),
      present: async (ids) => {
        const rows = await database.dataSource.query<{ id: string }[]>(
          'SELECT id FROM reports WHERE id = ANY ($1)',
          [ids],
        );
        return rows.map(({ id }) => id);
      },
    };
  });
  for (const { name, run } of contract) it(name, run);
});

/** The class that the page's code makes. */
function classOf(page: string): new (passes: GarbagePasses, dataSource: DataSource) => SweepPass {
  const [, code = ''] = /```ts\n(@Injectable\(\)\nexport class ExpiredReports[^]*?)```/.exec(page) ?? [];
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      experimentalDecorators: true,
    },
  });
  const names = { Injectable, SweepPass };
  const exports: { ExpiredReports?: ReturnType<typeof classOf> } = {};
  new Function('exports', ...Object.keys(names), outputText)(exports, ...Object.values(names));
  return exports.ExpiredReports!;
}
