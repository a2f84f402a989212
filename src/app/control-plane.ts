import { type Server } from 'node:http';
import { type INestApplication, Logger } from '@nestjs/common';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { join } from 'node:path';
import { AppModule, type AppOptions } from '../app.module.js';
import { hostCheck } from '../core/http/host-check.js';
import { type HttpsServer, provisionOwnNames, startHttps, writeRoot } from './https/https.server.js';
import { besidesChallenges } from './https/besides-challenges.js';
import { certificateOptions } from './https/certificate-options.js';
import { loadHttpsConfig } from './https/https-config.js';
import { atMost } from '../core/timing/at-most.js';
import { SystemClock } from '../core/timing/clock.js';
import { ProblemDetailsFilter } from '../core/http/problem-details.filter.js';
import { generateToken, loadAppConfig } from './config/app-config.js';
import { forgetSecrets } from './config/forget-secrets.js';
import { OpenApiDocument } from './http/open-api.controller.js';
import { DatabasePatience } from './database-patience.js';
import { checkContainers, containersOf } from './containers.js';
import { connectionsOf } from './connections.js';
import { type FleetFile, loadFleetFile } from './fleet/fleet-file.js';
import { type FleetUpReport } from './fleet/fleet-report.js';
import { FleetService } from './fleet/fleet.service.js';
import { instanceUsers } from './fleet/instance-users.js';
import { checkPort, portError } from './port.js';
import { openResources, type Resources } from './resources.js';
import { announceApp, retractApp } from './running-app.js';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Milliseconds that a shutdown may take besides `DRAIN_TIMEOUT`: 15 s of them are the workers' own, see docs/shutdown.md. */
const BEYOND_THE_DRAIN = 20_000;

/** The reference app, running. */
export interface ControlPlane {
  /**
   * Drains the workers, closes the application, then stops the embedded database. Instances go on. May be
   * called again: it happens once.
   */
  stop(): Promise<void>;
}

/**
 * Starts the reference app: reads and checks everything that the user gave before it touches anything, takes
 * the data directory, runs the database, and brings the fleet up.
 * @throws whatever keeps it from running; then nothing is left behind but instances that ran before
 */
export async function startControlPlane(): Promise<ControlPlane> {
  const config = loadAppConfig();
  const httpsConfig = loadHttpsConfig(config.port);
  forgetSecrets();
  const fleet = loadFleetFile(config.fleetFile, config.provider);
  checkContainers(config, fleet);
  await checkPort(config.host, config.port);
  await checkPort(config.host, httpsConfig.port, 'HTTPS_PORT');
  const patience = new DatabasePatience(say);
  const resources = await openResources(config, say, patience);
  const token = config.workersToken ?? generateToken();
  const { users, notice } = await instanceUsers(config.instanceUsers, fleet);
  say(notice);
  let app: NestExpressApplication | undefined;
  let https: HttpsServer | undefined;
  let connections: ReturnType<typeof connectionsOf> | undefined;
  const stopping = new AbortController();
  const stop = async (): Promise<void> => {
    stopping.abort(new Error('The app is shutting down'));
    connections?.closeIn(config.drainTimeout);
    await retractApp(resources.directory);
    await https?.close();
    if (app) await closeWithin(config.drainTimeout + BEYOND_THE_DRAIN, app);
    await resources.release();
  };
  try {
    const { directory } = resources;
    const { drainTimeout, webhooks, provider: defaultProvider } = config;
    const containers = await containersOf(config, fleet, directory);
    const { dnsServers } = httpsConfig;
    const certificates = await certificateOptions(httpsConfig, directory);
    const options = {
      ...resources,
      users,
      containers,
      defaultProvider,
      fleet,
      token,
      drainTimeout,
      dnsServers,
      webhooks,
      certificates,
    };
    const allowed = [...config.allowedHosts, ...httpsConfig.domains];
    app = await patience.until(() => openApp(options, allowed));
    connections = connectionsOf(app.getHttpServer() as Server);
    await listen(app, config);
    https = await startHttps(app, config.host, httpsConfig.port, httpsConfig.domains[0]);
    Logger.overrideLogger(['log', 'warn', 'error', 'fatal']);
    const secure = await httpsLine(app, https.port, httpsConfig.domains[0], directory);
    await announceApp(directory, { url: await app.getUrl(), token });
    announce(await app.getUrl(), secure, resources, config.dataDir, config.workersToken ? undefined : token);
    void bringUp(app, fleet, stopping.signal);
    void ownNames(app, httpsConfig.domains, stopping.signal);
  } catch (error) {
    await stop();
    throw error;
  }
  let stopped: Promise<void> | undefined;
  return { stop: () => (stopped ??= stop()) };
}

/** Puts it together, and runs its hooks. What fails on the way is closed. */
async function openApp(options: AppOptions, allowedHosts: string[]): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.forRoot(options),
    // The modules' own start-up lines would bury what a newcomer wants to know; the error that ends a start is
    // explained by whoever called, and Nest would log it before, stack and all.
    { logger: ['warn', 'fatal'], abortOnError: false },
  );
  try {
    app.use(besidesChallenges(hostCheck({ allow: allowedHosts })));
    // The payload of a run may be any JSON.
    app.useBodyParser('json', { strict: false });
    app.useGlobalFilters(new ProblemDetailsFilter(app.get(HttpAdapterHost)));
    app.get(OpenApiDocument).of(app);
    return await app.init();
  } catch (error) {
    await closeWithin(options.drainTimeout + BEYOND_THE_DRAIN, app);
    throw error;
  }
}

/** What does not end by then is left: the process ends, and takes it along. */
async function closeWithin(ms: number, app: INestApplication): Promise<void> {
  let closed = false;
  await atMost(
    ms,
    app.close().then(() => (closed = true)),
    new SystemClock(),
  );
  if (!closed)
    new Logger('Shutdown').warn(`The app has not closed within ${ms} ms: what is not over is left`);
}

async function listen(app: INestApplication, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    throw portError(error, host, port);
  }
}

function announce(
  url: string,
  secure: string | undefined,
  resources: Resources,
  dataDir: string | undefined,
  token: string | undefined,
): void {
  say(`
ctrlplane-workers is running at ${url}

  workers    ${url}/workers
  health     ${url}/health
  events     ${url}/events
  certs      ${url}/certificates
  metrics    ${url}/metrics
  OpenAPI    ${url}/openapi.json`);
  if (secure) say(`  https      ${secure}`);
  if (resources.databaseStatus) say(`  database   ${sqlCommand(dataDir)}`);
  if (token) {
    say(`  token      ${token}`);
    say(`\n  curl -X POST -H "Authorization: Bearer ${token}" ${url}/workers/gc/trigger`);
  }
  say('\n`npm run fleet:diff` and `fleet:apply` bring a changed fleet file in.');
  say('Ctrl-C stops the app; the fleet goes on, and `npm run fleet:down` removes it.\n');
}

/** As a shell takes it: a look into the embedded database, which needs no `psql` on the machine. */
function sqlCommand(dataDir: string | undefined): string {
  const where = dataDir === undefined ? '' : `DATA_DIR='${dataDir.replaceAll("'", `'\\''`)}' `;
  return `${where}npm run sql -- "SELECT name, replicas FROM workloads"`;
}

/** Where HTTPS is, and how to trust it; undefined where the app has no name of its own. */
async function httpsLine(
  app: INestApplication,
  port: number,
  domain: string | undefined,
  directory: string,
): Promise<string | undefined> {
  if (domain === undefined) return undefined;
  const root = join(directory, 'local-ca.pem');
  const trusted = (await writeRoot(app, root)) ? `   (curl --cacert ${root})` : '';
  return `https://${domain}:${port}${trusted}`;
}

async function ownNames(app: INestApplication, names: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    await provisionOwnNames(app, names);
  } catch (error) {
    if (!signal.aborted) new Logger('Https').error(error);
  }
}

async function bringUp(app: INestApplication, fleet: FleetFile, signal: AbortSignal): Promise<void> {
  const logger = new Logger('Fleet');
  try {
    report(logger, await app.get(FleetService).up(fleet, signal));
  } catch (error) {
    if (!signal.aborted) logger.error(error);
  }
}

function report(logger: Logger, report: FleetUpReport): void {
  const { created, scaled, updated, bootstrapped, outdated, wanted, running, failures } = report;
  for (const { subject, reason } of failures) logger.error(`${subject}: ${reason}`);
  for (const subject of outdated)
    logger.warn(`${subject} differ from the fleet file, and cannot be changed: it goes on as it is`);
  for (const subject of updated) logger.log(`${subject} is updated to what the fleet file says`);
  for (const subject of bootstrapped)
    logger.log(`${subject} gets the bootstrap services that the fleet file says`);
  const changes = [
    created.length && `${created.length} created`,
    scaled.length && `${scaled.length} scaled`,
    updated.length && `${updated.length} updated`,
  ];
  const detail = changes.filter(Boolean).join(', ');
  const line = `${running < wanted ? `${running} of ${wanted}` : running} instances are running${detail ? ` (workloads: ${detail})` : ''}`;
  if (running < wanted) logger.warn(line);
  else logger.log(line);
}
