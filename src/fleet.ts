import 'reflect-metadata';
import { resolve } from 'node:path';
import { loadAppConfig, PACKAGE_ROOT } from './app/config/app-config.js';
import { defaultDataDirectory } from './app/data-directory/index.js';
import { explain } from './app/expected-error.js';
import { type FleetDifference } from './app/fleet/fleet-comparison.js';
import { loadFleetFile } from './app/fleet/fleet-file.js';
import { type FleetUpReport } from './app/fleet/fleet-report.js';
import { endWithoutReader } from './app/quiet-pipe.js';
import { postToApp } from './app/running-app.js';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** How a difference is told; the sign as in a diff. */
const TOLD: Record<FleetDifference['what'], (detail: string) => [sign: string, text: string]> = {
  create: (detail) => ['+', detail && `: ${detail}`],
  change: (detail) => ['~', `: ${detail}`],
  fixed: (detail) => ['!', `: ${detail} differ, and cannot be changed: remove it and create it anew`],
  restart: () => ['!', ' takes effect when the app is started with this file'],
  extra: () => [' ', ' is not in the file, and is left alone'],
};

/**
 * `npm run fleet:diff [file]` and `npm run fleet:apply [file]`: what a fleet file would change in the app that runs on
 * the data directory, and the change itself. The file is that of `FLEET` by default.
 */
async function fleet(command: string | undefined, path: string | undefined): Promise<void> {
  if (command !== 'diff' && command !== 'apply')
    throw new Error('Use fleet:diff [file] or fleet:apply [file]');
  const config = loadAppConfig();
  const file = path === undefined ? config.fleetFile : resolve(path);
  loadFleetFile(file, config.provider); // so that mistakes are told with paths as they are seen from here, and without an app
  const directory = config.dataDir ?? (await defaultDataDirectory(PACKAGE_ROOT)).path;
  const query = `?path=${encodeURIComponent(file)}`;
  const { differences, report } = await postToApp<{
    differences: FleetDifference[];
    report?: FleetUpReport;
  }>(directory, `/fleet/${command}${query}`);
  for (const { subject, what, detail } of differences) {
    const [sign, text] = TOLD[what](detail);
    say(`${sign} ${subject}${text}`);
  }
  if (!differences.some(({ what }) => what !== 'extra')) say('Nothing differs');
  if (!report) return;
  for (const { subject, reason } of report.failures) process.stderr.write(`${subject}: ${reason}\n`);
  say(`${report.running} instances are running, ${report.wanted} are wanted`);
  if (report.failures.length > 0) process.exitCode = 1;
}

endWithoutReader();

try {
  await fleet(process.argv[2], process.argv[3]);
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}
