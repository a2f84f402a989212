import { createHash } from 'node:crypto';
import { stringify } from 'safe-stable-stringify';
import { type InstanceSpec } from './provider.js';

/**
 * By what two specs are compared: equal for specs that run the same, however they are written down. The order
 * of keys and of ports means nothing, and neither does what is left out against what is empty. The order of
 * the command's words does.
 */
export function specHash({ command, image, env = {}, workingDirectory, ports = [] }: InstanceSpec): string {
  const byName = ports
    .map(({ name, env }) => ({ name, env }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return hashOf({ command, image, env, workingDirectory, ports: byName });
}

/** A hash of the value's JSON with sorted keys; `undefined` counts as left out. 22 characters of base64url, 128 bits. */
export function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(stringify(value) ?? '')
    .digest('base64url')
    .slice(0, 22);
}
