import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { CronJob } from 'cron';
import { memberNames } from '../test/support/member-names.js';
import { specTitles } from '../test/support/spec-titles.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const BOTH = 'as-schedule-does.spec.ts';

interface Row {
  behaviour: string;
  tests: { file: string; title: string }[];
}

const rows = tableRows(readFileSync(join(ROOT, 'docs/migration.md'), 'utf8'));
const specs = new Map(
  ['src/core', 'test/consumers'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.spec.ts'))
      .map((path) => [basename(path), join(ROOT, folder, path)]),
  ),
);

describe('docs/migration.md', () => {
  it.each(rows)('names tests that there are: $behaviour', ({ tests }) => {
    expect(tests).not.toEqual([]);
    expect(tests.filter(({ file, title }) => !titlesOf(file).some((path) => names(title, path)))).toEqual([]);
  });

  it('names every test that is run against both modules', () => {
    const named = rows.flatMap(({ tests }) => tests).filter(({ file }) => file === BOTH);
    const left = titlesOf(BOTH).filter((path) => !named.some(({ title }) => names(title, path)));
    expect(left).toEqual([]);
  });

  const declarations = createRequire(import.meta.url)
    .resolve('@nestjs/schedule')
    .replace(/index\.js$/, '');
  it.each([
    ['option of @Cron', memberNames(`${declarations}decorators/cron.decorator.d.ts`, 'CronOptions')],
    [
      'flag of forRoot',
      memberNames(
        `${declarations}interfaces/schedule-module-options.interface.d.ts`,
        'ScheduleModuleOptions',
      ),
    ],
    ['method of SchedulerRegistry', publicNames(SchedulerRegistry, ['wrapFunctionInTryCatchBlocks'])],
    ['method of a cron job', publicNames(CronJob)],
  ])('has every %s that is installed', (_what, wanted) => {
    const behaviours = rows.map(({ behaviour }) => behaviour).join('\n');
    expect(wanted.length).toBeGreaterThan(2);
    expect(wanted.filter((name) => !new RegExp(`\\b${name}\\b`).test(behaviours))).toEqual([]);
  });
});

function tableRows(text: string): Row[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.endsWith('| test |') && !line.startsWith('| ---'))
    .map((line) => {
      const [, behaviour = '', , tests = ''] = line
        .split(' | ')
        .flatMap((cell, i) => (i ? cell : ['', cell.slice(2)]));
      return { behaviour, tests: testsOf(tests) };
    });
}

/** `` `title`, file.spec.ts: `title` ``: a file holds for what follows it, and the file may be a link. */
function testsOf(cell: string): Row['tests'] {
  let file = BOTH;
  const tests: Row['tests'] = [];
  for (const [, named, title] of cell.matchAll(/([\w.-]+\.spec\.ts)(?:\]\([^)]*\))?: |`([^`]+)`/g)) {
    if (named) file = named;
    else tests.push({ file, title: title! });
  }
  return tests;
}

const titles = new Map<string, string[]>();

function titlesOf(file: string): string[] {
  const path = specs.get(file);
  if (!path) throw new Error(`docs/migration.md names ${file}, and there is no such file in src/core`);
  const known = titles.get(file) ?? specTitles(path).map((each) => each.join(' › '));
  titles.set(file, known);
  return known;
}

/** Suites may be left out from the front. */
function names(title: string, path: string): boolean {
  return path === title || path.endsWith(` › ${title}`);
}

function publicNames({ prototype }: { prototype: object }, internal: string[] = []): string[] {
  return Object.getOwnPropertyNames(prototype).filter(
    (name) => name !== 'constructor' && !name.startsWith('_') && !internal.includes(name),
  );
}
