export { bullMq, type BullMqOptions } from './bullmq/bullmq.engine.js';
export { pgBoss } from './pg-boss/pg-boss.engine.js';
export { type PgBossOptions } from './pg-boss/pg-boss.options.js';
export {
  type FanOut,
  FanOutEngine,
  type FanOutHost,
  type FanOutOutcome,
  type ShardJob,
  type ShardRun,
} from './fan-out.engine.js';
export { type ShardDefinition } from './shard-definition.js';
export { type ShardMetrics } from './shard-runner.js';
