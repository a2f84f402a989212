import { type Duration } from '../../../core/timing/duration.js';

/** Options of `ProcessProviderModule.forRoot` and of a `ProcessProvider` made by hand. */
export interface ProcessProviderOptions {
  /**
   * Where it keeps its instances; made when missing, readable by this user alone. A relative path counts
   * from the current directory. One control plane at a time may use it.
   */
  directory: string;
  /** The name under which it is registered. Default `process`. */
  name?: string | undefined;
  /** Time between SIGTERM and SIGKILL. Default 5 s. */
  stopGrace?: Duration | undefined;
  /**
   * `own`: each instance runs as a user that nothing else belongs to. `same`: as the control plane's, which it then
   * has all rights of. Default `own` as root on Linux, else `same`, as only root may choose.
   */
  users?: 'own' | 'same' | undefined;
  /**
   * Bytes above which the log of an instance is rotated, also while it runs and writes; looked at every two seconds.
   * As much again of what came before is kept. Default 10 MiB.
   */
  logLimit?: number | undefined;
}
