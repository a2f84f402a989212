import { z } from 'zod';
import { hostName, isIpAddress, isWildcard } from '../certificates/names.js';
import { KEY_TYPES } from '../certificates/x509/key-pair.js';
import { count } from '../input/count.js';
import { shown } from '../input/input.js';
import { ROUTE_PROTOCOLS } from './route.js';

export const domainInput = z.strictObject({
  hostname: hostName.refine((name) => !isWildcard(name) && !isIpAddress(name), {
    error: ({ input }) =>
      `${shown(input)}: give the host name itself; a wildcard is a name of its certificate`,
  }),
});

const notAPort = { error: ({ input }: { input?: unknown }) => `${shown(input)} is no port from 1 to 65535` };

const changeable = {
  port: z.int(notAPort).min(1, notAPort).max(65_535, notAPort),
  protocol: z.enum(ROUTE_PROTOCOLS),
  weight: count(0, 1_000),
  stripPrefix: z.boolean(),
};

export const routeInput = z.strictObject({
  path: z
    .string()
    .max(1_000)
    .regex(/^\/[\x21-\x7e]*$/, 'a path begins with "/" and has no spaces'),
  workloadId: z.string(),
  port: changeable.port,
  protocol: changeable.protocol.default('http'),
  weight: changeable.weight.default(100),
  stripPrefix: changeable.stripPrefix.default(false),
});

export const routeChangeInput = z.strictObject(changeable).partial();

export const certificateInput = z.strictObject({
  names: z.array(z.string()).optional(),
  keyType: z.enum(KEY_TYPES).default('ec-p256'),
});
