import { type Type } from '@nestjs/common';
import { type Duration } from '../../core/timing/duration.js';
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
