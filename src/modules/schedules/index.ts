export { InMemoryScheduleStore } from './in-memory-schedule.store.js';
export { PostgresScheduleStore } from './postgres-schedule.store.js';
export {
  type Schedule,
  type ScheduleInput,
  type ScheduleOutcome,
  type ScheduleState,
  type ScheduleTiming,
} from './schedule.js';
export { Scheduled, type ScheduledContext, type ScheduledOptions } from './scheduled.decorator.js';
export {
  type HandlerCounts,
  type HandlerTrouble,
  type NewSchedule,
  type ScheduleClaim,
  type ScheduleClaimOptions,
  type ScheduleClaims,
  type ScheduleFilter,
  type ScheduleResult,
  type ScheduleRun,
  ScheduleStore,
  type Turn,
  type UpsertSummary,
} from './schedule.store.js';
export { ScheduleNotRunningError, UnknownScheduleError } from './schedule.errors.js';
export { type ScheduleQuery } from './schedule-query.js';
export { SchedulesHttpModule } from './schedules-http.module.js';
export { SchedulesModule } from './schedules.module.js';
export { type SchedulesOptions } from './schedules.options.js';
export {
  type InTransaction,
  type ScheduleCancellation,
  Schedules,
  type UpsertManyOptions,
} from './schedules.service.js';
