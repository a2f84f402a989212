import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError } from '../modules/input/input.errors.js';
import { connectionOf } from '../modules/providers/docker/daemon-connection.js';
import { DAEMON, type DockerProviderOptions } from '../modules/providers/docker/docker-provider.options.js';
import { type AppConfig } from './config/app-config.js';
import { AppConfigError } from './config/config.errors.js';
import { asksForContainers, type FleetFile } from './fleet/fleet-file.js';
import { CONTAINERS } from './fleet/fleet-program.js';
import { writeSecret } from './write-secret.js';

/** The namespace of the containers that belong to this data directory. */
const FILE = 'docker-namespace';

type ContainersConfig = Pick<AppConfig, 'provider' | 'dockerNamespace' | 'dockerNetwork'>;

/**
 * How the app runs containers; undefined when neither `PROVIDER`, the fleet nor an earlier fleet asks for them: no daemon is
 * looked for then. Each app has a namespace of its own, so that two of them can use one daemon.
 * @throws AppConfigError for a `DOCKER_HOST` that names none
 */
export async function containersOf(
  { provider, dockerNamespace, dockerNetwork: network }: ContainersConfig,
  fleet: FleetFile,
  directory: string,
): Promise<DockerProviderOptions | undefined> {
  const path = join(directory, FILE);
  const known = await readFile(path, 'utf8').then(
    (text) => text.trim(),
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return undefined;
    },
  );
  if (known === undefined && !isAskedFor({ provider }, fleet)) return undefined;
  requireDaemon();
  const namespace = dockerNamespace ?? known ?? `ctrlplane-${randomBytes(4).toString('hex')}`;
  if (namespace !== known) await writeSecret(path, namespace);
  return { namespace, ...(network !== undefined && { network }) };
}

/** To be called before anything is begun. @throws AppConfigError where containers are asked for, and `DOCKER_HOST` and its kin name no daemon */
export function checkContainers(config: Pick<AppConfig, 'provider'>, fleet: FleetFile): void {
  if (isAskedFor(config, fleet)) requireDaemon();
}

function isAskedFor({ provider }: Pick<AppConfig, 'provider'>, fleet: FleetFile): boolean {
  return provider === CONTAINERS || asksForContainers(fleet);
}

function requireDaemon(): void {
  const host = process.env.DOCKER_HOST;
  if (host && !DAEMON.test(host))
    throw new AppConfigError([
      { variable: 'DOCKER_HOST', message: 'is no daemon: give unix:///path or tcp://host:port, or unset it' },
    ]);
  try {
    connectionOf({ host: undefined, tls: undefined });
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    throw new AppConfigError([{ variable: 'DOCKER_CERT_PATH', message: error.faults.join('; ') }]);
  }
}

/** To be called when none of its containers is left. */
export async function forgetContainers(directory: string): Promise<void> {
  await rm(join(directory, FILE), { force: true });
}
