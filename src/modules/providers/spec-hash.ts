import { createHash } from 'node:crypto';
import { stringify } from 'safe-stable-stringify';
import { type InstanceSpec } from './provider.js';

/**
 * By what two specs are compared: equal for specs that run the same, however they are written down. The order
 * of keys, of ports and of dependencies means nothing, and neither does what is left out against what is empty. The
 * order of the command's words and of services does.
 */
export function specHash({
  command,
  image,
  env = {},
  workingDirectory,
  ports = [],
  limits = {},
  volumes = [],
  networks = [],
  services = [],
  dependsOn = [],
  healthCheck,
}: InstanceSpec): string {
  return hashOf({
    command,
    image,
    env,
    workingDirectory,
    ports: byName(ports.map(({ name, env, containerPort }) => ({ name, env, containerPort }))),
    // Left out when empty: the hashes of specs from before there were any stay as they are.
    limits: Object.values(limits).some((limit) => limit !== undefined) ? limits : undefined,
    volumes: volumes.length
      ? byName(volumes.map(({ name, path, readOnly }) => ({ name, path, readOnly: readOnly || undefined })))
      : undefined,
    networks: networks.length ? networks.toSorted() : undefined,
    // In their order, which is that of their start.
    services: services.length
      ? services.map(({ name, kind, ...service }) => ({
          name,
          kind: kind ?? 'sidecar',
          spec: specHash(service),
        }))
      : undefined,
    dependsOn: dependsOn.length ? dependsOn.toSorted((a, b) => (a.service < b.service ? -1 : 1)) : undefined,
    healthCheck,
  });
}

function byName<T extends { name: string }>(list: readonly T[]): T[] {
  return list.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** A hash of the value's JSON with sorted keys; `undefined` counts as left out. 22 characters of base64url, 128 bits. */
export function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(stringify(value) ?? '')
    .digest('base64url')
    .slice(0, 22);
}
