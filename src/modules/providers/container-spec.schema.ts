import { z } from 'zod';
import { count } from '../input/count.js';
import { name, shown } from '../input/input.js';

/** The parts of an `InstanceSpec` that only containers have. */

/** Anything without spaces that does not look like an option; what the daemon makes of it, it says itself. */
export const IMAGE = /^[A-Za-z0-9][\x21-\x7e]*$/;
export const IMAGE_FAULT = {
  error: ({ input }: { input?: unknown }) =>
    `${shown(input)} is no image: use a name with a tag or digest, such as "caddy:2"`,
};

/** The smallest that Docker accepts. */
const LEAST_MEMORY = 6 * 1024 * 1024;

export const instanceLimitsSchema = z.strictObject({
  cpuCores: z
    .number()
    .min(0.01, { error: ({ input }) => `${shown(input)} is too few: give at least 0.01 cores` })
    .max(1_024)
    .optional(),
  memoryBytes: count(LEAST_MEMORY, 2 ** 50).optional(),
  processes: count(1, 4_194_304).optional(),
});

/** Where a container sees a volume. */
export const volumePath = z.string().regex(/^\/(?!\.\.?(?:\/|$))[^\0:]+$/, {
  error: ({ input }) =>
    `${shown(input)} is no path for a volume: use an absolute one without ":", and not "/"`,
});

export const volumeSpecsSchema = z
  .array(z.strictObject({ name, path: volumePath, readOnly: z.boolean().optional() }))
  .superRefine((volumes, context) => {
    for (const key of ['name', 'path'] as const) {
      const seen = new Set<string>();
      volumes.forEach((volume, index) => {
        if (seen.has(volume[key]))
          context.addIssue({
            code: 'custom',
            path: [index, key],
            message: `${shown(volume[key])} is there twice`,
          });
        seen.add(volume[key]);
      });
    }
  });

export const networksSchema = z
  .array(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, {
      error: ({ input }) => `${shown(input)} is no name of a network`,
    }),
  )
  .refine((networks) => networks.length < 2 || !networks.some((one) => one === 'host' || one === 'none'), {
    error: '"host" and "none" stand alone: remove the other networks',
  });
