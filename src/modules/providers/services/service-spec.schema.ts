import { z } from 'zod';
import { count } from '../../input/count.js';
import { name, shown } from '../../input/input.js';
import { MAIN, SERVICE_KINDS, UNTIL } from './service-spec.js';

/** Longest wait that a health check may have, in milliseconds: an hour. */
const LONGEST = 3_600_000;

export const serviceName = name.refine((given) => given !== MAIN, {
  error: `"${MAIN}" is the main program itself: choose another name`,
});

export const serviceKind = z.enum(SERVICE_KINDS, {
  error: ({ input }) => `${shown(input)} is no kind of service: use one of ${SERVICE_KINDS.join(', ')}`,
});

/** @param command what a command may be */
export function dependencyKeys(command: z.ZodType<string[]>) {
  const until = z.enum(UNTIL, {
    error: ({ input }) => `${shown(input)} is nothing to wait for: use one of ${UNTIL.join(', ')}`,
  });
  return {
    dependsOn: z.array(z.strictObject({ service: z.string(), until: until.optional() })).optional(),
    healthCheck: z
      .strictObject({
        command,
        interval: count(10, LONGEST).optional(),
        timeout: count(10, LONGEST).optional(),
        attempts: count(1, 100_000).optional(),
      })
      .optional(),
  };
}
