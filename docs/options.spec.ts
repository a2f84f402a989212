import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { memberNames } from '../test/support/member-names.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/options.md'), 'utf8');

/** By the header of their first column, what the tables list there. */
const tables = new Map<string, string[]>(
  page
    .trim()
    .split(/\n\n/)
    .filter((block) => block.startsWith('|'))
    .map((block, i) => {
      const [header, , ...rows] = block.split('\n').map((line) => line.split('|')[1]!.trim());
      return [`${i} ${header}`, rows.map((row) => row.replaceAll('`', ''))];
    }),
);

describe('docs/options.md', () => {
  it.each<[string, string, string[]]>([
    [
      '0 option',
      'WorkerModule',
      [
        ...memberNames(source('history/history.options.ts'), 'HistoryOptions'),
        ...memberNames(source('scheduler/scheduler.options.ts'), 'SchedulerOptions'),
        ...memberNames(source('registry/registry.options.ts'), 'RegistryOptions'),
        ...memberNames(source('adoption/adoption.options.ts'), 'AdoptionOptions'),
        ...memberNames(source('fan-out/fan-out.options.ts'), 'FanOutModuleOptions'),
        ...memberNames(source('isolation/isolation.options.ts'), 'IsolationOptions'),
        'isGlobal',
      ],
    ],
    ['1 `drain.`', 'DrainOptions', memberNames(source('scheduler/drain.ts'), 'DrainOptions')],
    [
      '2 option',
      'a worker',
      ['interval', ...memberNames(source('worker/worker-options.ts'), 'WorkerOptions')],
    ],
    ['3 `backoff.`', 'Backoff', memberNames(source('worker/worker-options.ts'), 'Backoff')],
    ['4 option', 'postgresHistory', memberNames(source('postgres/postgres-options.ts'), 'PostgresOptions')],
    [
      '5 option',
      'WorkerDashboardModule, HttpAccessModule',
      memberNames(source('http/access.ts'), 'HttpAccess'),
    ],
  ])('has in table %s all options of %s, and no other', (table, _what, options) => {
    expect(tables.get(table)?.toSorted()).toEqual(options.toSorted());
  });
});

function source(path: string): string {
  return join(ROOT, 'src/core', path);
}
