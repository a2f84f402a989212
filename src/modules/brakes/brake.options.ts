import { z } from 'zod';
import { type Duration } from '../../core/timing/duration.js';
import { count } from '../input/count.js';
import { durationOption } from '../input/duration.js';
import { shown } from '../input/input.js';

/**
 * When the brake engages by numbers, in a tenant, or in all tenants that have orphans when all are looked at together.
 * Where a workload or a tenant is gone without a record of its deletion, or there is no workload at all, it engages
 * whatever the numbers are.
 */
export interface BrakeOptions {
  /** Share of the examined instances, 0 to 1, from which on too many look orphaned. Default 0.5. */
  share?: number | undefined;
  /** Fewer orphans than this never engage it by their share. Default 10. */
  minimum?: number | undefined;
  /** How long the set must stay the same until it is deleted without a confirmation. Default 15 m. */
  confirmAfter?: Duration | undefined;
}

/** Checked, with defaults; lengths of time in milliseconds. */
export interface BrakeSettings {
  readonly share: number;
  readonly minimum: number;
  readonly confirmAfter: number;
}

const notAShare = {
  error: ({ input }: { input?: unknown }) => `${shown(input)} is not a share from 0 to 1`,
};

const settings = z.strictObject({
  share: z.number(notAShare).min(0, notAShare).max(1, notAShare).default(0.5),
  minimum: count(1, 100_000).default(10),
  confirmAfter: durationOption('15m'),
});

/** `brake` among the options of a worker: on by default, `false` turns it off. */
export function brakeOption() {
  return z
    .unknown()
    .default({})
    .transform((value, context): BrakeSettings | false => {
      if (value === false) return false;
      const parsed = settings.safeParse(value);
      if (parsed.success) return parsed.data;
      for (const { path, message } of parsed.error.issues)
        context.addIssue({ code: 'custom', path, message });
      return z.NEVER;
    });
}
