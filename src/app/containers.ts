import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DAEMON, type DockerProviderOptions } from '../modules/providers/docker/docker-provider.options.js';
import { type AppConfig } from './config/app-config.js';
import { AppConfigError } from './config/config.errors.js';
import { asksForContainers, type FleetFile } from './fleet/fleet-file.js';
import { CONTAINERS } from './fleet/fleet-program.js';
import { writeSecret } from './write-secret.js';

/** Beside the instances of processes: without it nobody knew which containers are those of this data directory. */
const FILE = 'docker-namespace';

type ContainersConfig = Pick<AppConfig, 'provider' | 'dockerNamespace' | 'dockerNetwork'>;

/**
 * How the app runs containers; undefined where it runs none, and looks for no daemon: neither `PROVIDER` nor the fleet asks
 * for them, nor did an earlier fleet. Its containers are those of a namespace of its own, so that two apps can use one daemon.
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
  if (provider !== CONTAINERS && known === undefined && !asksForContainers(fleet)) return undefined;
  requireDaemon();
  const namespace = dockerNamespace ?? known ?? `ctrlplane-${randomBytes(4).toString('hex')}`;
  if (namespace !== known) await writeSecret(path, namespace);
  return { namespace, ...(network !== undefined && { network }) };
}

/** To be called before anything is begun. @throws AppConfigError where containers are asked for, and `DOCKER_HOST` names no daemon */
export function checkContainers({ provider }: Pick<AppConfig, 'provider'>, fleet: FleetFile): void {
  if (provider === CONTAINERS || asksForContainers(fleet)) requireDaemon();
}

function requireDaemon(): void {
  const host = process.env.DOCKER_HOST;
  if (host && !DAEMON.test(host))
    throw new AppConfigError([
      { variable: 'DOCKER_HOST', message: 'is no daemon: give unix:///path or tcp://host:port, or unset it' },
    ]);
}

/** To be called when none of its containers is left. */
export async function forgetContainers(directory: string): Promise<void> {
  await rm(join(directory, FILE), { force: true });
}
