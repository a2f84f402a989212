import { ProberFault, type ProbeContext } from './prober.js';
import { type NetworkTarget } from '../health-check.js';

export interface HostAndPort {
  host: string;
  port: number;
}

/** Where the probe is to go: its own address, or the endpoint of the instance as it is now. */
export function targetOf({ address, endpoint }: NetworkTarget, { instance }: ProbeContext): HostAndPort {
  if (address !== undefined) return parseAddress(address)!;
  const endpoints = instance?.endpoints ?? [];
  const found = endpoint === undefined ? endpoints[0] : endpoints.find(({ name }) => name === endpoint);
  if (found) return { host: found.host, port: found.port };
  const known = endpoints.map(({ name }) => name).join(', ') || 'none';
  throw new ProberFault(`The instance has no endpoint ${endpoint ?? ''}`.trimEnd() + `: there is ${known}`);
}

/** `host:port`, with brackets around an IPv6 address; undefined when it is not that. */
export function parseAddress(address: string): HostAndPort | undefined {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+)):(\d{1,5})$/i.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (!host || !(port >= 1 && port <= 65_535)) return undefined;
  return { host, port };
}
