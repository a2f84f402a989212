import { type InstanceId } from '../../ids/typed-id.js';
import { INSTANCE_VARIABLE } from '../provision-request.schema.js';
import { type InstanceRecord } from './instance-record.js';

/** All that an instance gets to see of the control plane's environment, which is full of secrets. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TMPDIR'];

/**
 * The environment of an instance: the inherited few, what its spec sets, its ports, its id.
 * @param home of an instance with a user of its own, who may not enter the control plane's
 */
export function instanceEnvironment(
  id: InstanceId,
  { spec, ports, user }: InstanceRecord,
  home: string,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  if (user !== undefined) env.HOME = home;
  Object.assign(env, spec.env);
  for (const port of spec.ports ?? []) env[port.env] = String(ports[port.name]);
  env[INSTANCE_VARIABLE] = id;
  return env;
}

/** As it stands in the environment of every process of the instance, `NAME=value`. */
export function instanceMark(id: InstanceId): string {
  return `${INSTANCE_VARIABLE}=${id}`;
}
