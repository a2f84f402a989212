import { ConfigurableModuleBuilder } from '@nestjs/common';
import { isIP } from 'node:net';
import { z } from 'zod';
import { hostName } from '../certificates/names.js';
import { parseInput } from '../input/input.js';

/** Options of `NetworkModule.forRoot`. */
export interface NetworkOptions {
  /** Resolvers to ask, as `192.0.2.1` or `192.0.2.1:5353`. Default those of the system. */
  dnsServers?: readonly string[] | undefined;
  /**
   * Where the tenants' domains have to lead: addresses of yours, or host names that they may have as a CNAME. Default
   * anywhere: a domain only has to have an address.
   */
  pointsTo?:
    { addresses?: readonly string[] | undefined; hostnames?: readonly string[] | undefined } | undefined;
}

/** Checked, with defaults. */
export interface NetworkSettings {
  readonly dnsServers: readonly string[] | undefined;
  readonly addresses: readonly string[];
  readonly hostnames: readonly string[];
}

const schema = z.strictObject({
  dnsServers: z.array(z.string()).optional(),
  pointsTo: z
    .strictObject({
      addresses: z
        .array(
          z.string().refine((text) => isIP(text) !== 0, {
            error: ({ input }) => `${JSON.stringify(input)} is no IP address`,
          }),
        )
        .default([]),
      hostnames: z.array(hostName).default([]),
    })
    .default({ addresses: [], hostnames: [] }),
});

/** @throws InvalidInputError that names every option that cannot be */
export function networkSettings(options: NetworkOptions): NetworkSettings {
  const { dnsServers, pointsTo } = parseInput('network option', schema, options);
  return { dnsServers: dnsServers?.length ? dnsServers : undefined, ...pointsTo };
}

export const {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN: NETWORK_OPTIONS,
  OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<NetworkOptions>({
  optionsInjectionToken: Symbol.for('ctrlplane-workers/network-options'),
})
  .setClassMethodName('forRoot')
  .setExtras({}, (definition) => ({ ...definition, global: true }))
  .build();

/** Injects the `NetworkSettings`. */
export const NETWORK_SETTINGS = Symbol.for('ctrlplane-workers/network-settings');
