import { type FanOutEngine } from './fan-out.engine.js';

/** The options of `WorkerModule` that fan-out uses. */
export interface FanOutModuleOptions {
  /**
   * Where the shards of `context.fanOut` are run: `bullMq({ … })` or `pgBoss({ … })` of `ctrlplane-workers/fan-out`, whose
   * jobs every replica runs. Default: in the process of the run.
   */
  fanOut?: FanOutEngine | undefined;
}
