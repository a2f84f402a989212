import { allPorts, programOf } from '../services/service-programs.js';
import { INSTANCE_VARIABLE } from '../provision-request.schema.js';
import { type InstanceDirectory } from './instance-directory.js';
import { type InstanceRecord } from './instance-record.js';

/** All that an instance gets to see of the control plane's environment, which is full of secrets. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TMPDIR'];

/**
 * The environment of a program of an instance: the inherited few, what its spec sets, the ports of all its services, its id.
 * One with a user of its own, who may not enter the control plane's home, is at home where it works.
 */
export function instanceEnvironment(
  { key, work, serviceName }: Pick<InstanceDirectory, 'key' | 'work' | 'serviceName'>,
  { spec, ports, user }: InstanceRecord,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  if (user !== undefined) env.HOME = work;
  Object.assign(env, programOf(spec, serviceName).env);
  for (const port of allPorts(spec)) env[port.env] = String(ports[port.name]);
  env[INSTANCE_VARIABLE] = key;
  return env;
}

/** As it stands in the environment of every process of the program, `NAME=value`. */
export function instanceMark({ key }: Pick<InstanceDirectory, 'key'>): string {
  return `${INSTANCE_VARIABLE}=${key}`;
}
