export { WorkerModule } from './worker.module.js';
export { type WorkerModuleOptions, type WorkerOptionsFactory } from './worker-module.options.js';
export {
  InvalidModuleOptionsError,
  WorkerModuleImportedTwiceError,
  WorkerModuleNotConfiguredError,
} from './worker.module.errors.js';
export { type Every, Interval, type WorkerMethodDecorator } from './worker/interval.decorator.js';
export { type Worker } from './worker/worker.js';
export {
  type Backoff,
  type Expectation,
  type OverlapPolicy,
  type WorkerOptions,
} from './worker/worker-options.js';
export { type Isolate, type IsolatedModule, type IsolationKind } from './worker/isolate.js';
export { type IsolationDefaults } from './isolation/isolation.options.js';
export {
  IsolatedCrashError,
  IsolatedFanOutError,
  IsolatedStartError,
  RunTerminatedError,
  UncopiablePayloadError,
} from './isolation/isolation.errors.js';
export {
  RunContext,
  type RunProgress,
  type RunTrigger,
  ShardContext,
  type ShardMethod,
  type TransactionRunner,
} from './worker/run-context.js';
export {
  type GivenShardOptions,
  Shard,
  type ShardMethodDecorator,
  type ShardOptions,
} from './worker/shard.decorator.js';
export {
  type FanOutOptions,
  type FanOutResult,
  type ShardCounts,
  type ShardFailure,
} from './worker/fan-out.js';
export {
  FanOutError,
  FanOutRefusedError,
  InvalidShardItemError,
  InvalidShardsError,
  ShardTimeoutError,
  UnknownShardError,
} from './fan-out/fan-out.errors.js';
export { FanOutNotAwaitedError } from './execution/run-fan-outs.js';
export { type ByActor } from './worker/actor.js';
export { type Cancellation } from './worker/cancellation.js';
export { InvalidPayloadError } from './worker/payload.js';
export {
  type LastChange,
  type WorkerCondition,
  type WorkerInfo,
  type WorkerState,
} from './worker/worker-info.js';
export { Cron, type CronOptions } from './worker/cron.decorator.js';
export { type CronExpression, InvalidCronError } from './timing/cron-schedule.js';
export { type WorkerOverrides } from './registry/worker-definition.js';
export { Scheduler } from './scheduler/scheduler.js';
export { type RunHandle } from './scheduler/run-handle.js';
export { type WorkerEvent } from './scheduler/worker-events.js';
export { type CoordinationStatus } from './scheduler/cluster/cluster.js';
export {
  type CancelAnswer,
  type Claim,
  type ClaimAnswer,
  type Control,
  Coordinator,
  type Enrolment,
  type Heartbeat,
  type HeartbeatAnswer,
  type HeldLease,
  type Known,
  type Members,
  type Pulse,
  type Refusal,
  type RefusedEnrolment,
  type Release,
  type ReleaseAnswer,
  type RequestAnswer,
  type RunRequestInput,
  type Timed,
} from './coordination/coordinator.js';
export { type WorkerRecord } from './coordination/worker-record.js';
export { LocalCoordinator } from './coordination/local.coordinator.js';
export { LeaseLostError, StaleRunError } from './coordination/coordination.errors.js';
export { EventSources, type EventSource } from './scheduler/event-sources.js';
export { type DrainOptions } from './scheduler/drain.js';
export {
  InvalidScheduleError,
  RunDroppedError,
  RunUnknownError,
  RunWaitsForItselfError,
  SchedulerStoppedError,
  UnknownRunError,
  WorkerBusyError,
} from './scheduler/scheduler.errors.js';
export { InvalidWorkersError, UnknownWorkerError } from './registry/worker.errors.js';
export { RunInterceptors, type RunInterceptor } from './execution/run-interceptor.js';
export {
  InvalidMetricError,
  RunAbortedError,
  RunCancelledError,
  RunTimeoutError,
} from './execution/execution.errors.js';
export { RunRecorder, type HistoryStatus } from './history/run.recorder.js';
export { type RetentionOptions } from './history/retention.options.js';
export { InvalidRetentionError } from './history/history.errors.js';
export { RunStore, type PruneQuery, type ReplicaQuery, type RunQuery } from './history/run.store.js';
export { matchesQuery, newestFirst } from './history/matches-query.js';
export { InMemoryRunStore } from './history/in-memory-run.store.js';
export { type LogLevel, type RunLog, type RunLogLine } from './history/run-log.js';
export { type EndedRun, type Run, type RunOutcome, withoutLog } from './history/run.js';
export { type RunError } from './text/describe-error.js';
export { StoreRefusedError } from './outages/store-refused.error.js';
export { type KnownReplica, type Replica } from './history/replica.js';
export { Clock, SystemClock, type Timer } from './timing/clock.js';
export { type Duration, InvalidDurationError, parseDuration } from './timing/duration.js';
