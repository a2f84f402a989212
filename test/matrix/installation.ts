import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { type Cell } from './cells.js';

/** What an application has installed beside its sources: the packed package, and the packages that it is held against. */
export interface Installation {
  directory: string;
  /** What their versions begin with. */
  versions: { nest: string; schedule: string; typeorm: string };
}

/** Outside of the repository, whose own packages would be found otherwise. It is kept, and made anew where it differs. */
const ROOT = join(tmpdir(), `ctrlplane-workers-matrix-${process.getuid?.() ?? 0}`);

/** For all applications together: they are looked for in the folders above. */
const RUNNERS = {
  '@swc/core': '1.16.18',
  '@swc/jest': '^0.2.39',
  '@types/node': '^20.19.43',
  jest: '^30.5.2',
  'ts-jest': '^29.4.15',
  typescript: '~5.9.3',
  // The last one for Node 20.
  vitest: '^4.1.12',
};

const SCHEDULE = { '6.0': '6.0.0', '6': '^6.1.3', '12': '^12.0.2' };
const TYPEORM = { '0.3': '^0.3.31', '1.1': '^1.1.1' };

/** Two cells with the same one are tested in the same installation. */
export function installationOf({ nest, schedule, typeorm }: Cell): string {
  return `nest-${nest}-schedule-${schedule}-typeorm-${typeorm}`;
}

/** @throws Error with npm's words, if it finds that versions do not fit together */
export async function installRunners(): Promise<void> {
  await install(ROOT, RUNNERS);
}

/** @param tarball of the package */
export async function installFor(cell: Cell, tarball: string): Promise<Installation> {
  const directory = join(ROOT, installationOf(cell));
  const nest = `^${cell.nest}.0.0`;
  const name = `ctrlplane-workers-${createHash('sha256')
    .update(await readFile(tarball))
    .digest('hex')
    .slice(0, 8)}.tgz`;
  await mkdir(directory, { recursive: true });
  // npm takes a file of the same name for what it has installed.
  await cp(tarball, join(directory, name));
  await install(directory, {
    '@nestjs/common': nest,
    '@nestjs/core': nest,
    '@nestjs/platform-express': nest,
    '@nestjs/schedule': SCHEDULE[cell.schedule],
    '@nestjs/testing': nest,
    '@nestjs/typeorm': nest,
    'ctrlplane-workers': `file:${basename(name)}`,
    pg: '^8.23.1',
    'reflect-metadata': '^0.2.2',
    rxjs: '^7.8.2',
    typeorm: TYPEORM[cell.typeorm],
  });
  return {
    directory,
    versions: {
      nest: cell.nest,
      schedule: cell.schedule === '6.0' ? '6.0.0' : cell.schedule,
      typeorm: cell.typeorm,
    },
  };
}

async function install(directory: string, dependencies: Record<string, string>): Promise<void> {
  const wanted = JSON.stringify({ private: true, dependencies }, null, 2);
  const done = join(directory, 'node_modules/.installed.json');
  if ((await readFile(done, 'utf8').catch(() => '')) === wanted) return;
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'package.json'), wanted);
  // A peer that does not fit is an error, and no warning.
  const how = [
    '--strict-peer-deps',
    '--prefer-offline',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
  ];
  await promisify(execFile)('npm', ['install', ...how], { cwd: directory });
  await writeFile(done, wanted);
}

export async function removeInstallations(): Promise<void> {
  await rm(ROOT, { recursive: true, force: true });
}
