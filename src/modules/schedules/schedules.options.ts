import { type Type } from '@nestjs/common';
import { z } from 'zod';
import { type Duration } from '../../core/timing/duration.js';
import { duration } from '../input/duration.js';
import { parseInput, shown } from '../input/input.js';
import { type ScheduleStore } from './schedule.store.js';

export interface SchedulesOptions {
  /**
   * Where schedules are kept. `postgres` needs the `DatabaseModule`; `memory` goes with the process; or a store of your own,
   * an instance or a class. Default `postgres`.
   */
  store?: 'postgres' | 'memory' | ScheduleStore | Type<ScheduleStore> | undefined;
  /** Whether this process runs schedules. `false`: it only writes and reads them, and has no handlers. Default true. */
  dispatch?: boolean | undefined;
  /**
   * How long after its last sign of life what a replica has claimed is run by another one. It is renewed three times in this time. At least
   * 2 s. Default 30 s.
   */
  lease?: Duration | undefined;
  /** How long a schedule that has ended is kept. Default 7 d. */
  keepEnded?: Duration | undefined;
}

export const SCHEDULES_OPTIONS = Symbol('options of SchedulesModule');

const STORES = ['postgres', 'memory'];

const schema = z.strictObject({
  store: z
    .custom(
      (store) => STORES.includes(store as string) || (store && ['object', 'function'].includes(typeof store)),
      {
        error: ({ input }) =>
          `${shown(input)} is none of ${STORES.join(', ')}: give one, or a store of your own`,
      },
    )
    .optional(),
  dispatch: z.boolean({ error: ({ input }) => `${shown(input)} is neither true nor false` }).optional(),
  // A shorter one cannot be renewed in time.
  lease: duration({ min: '2s' }).optional(),
  keepEnded: duration().optional(),
});

/** @throws InvalidInputError naming every option that cannot be */
export function checkSchedulesOptions(options: SchedulesOptions): void {
  parseInput('option of SchedulesModule', schema, options);
}
