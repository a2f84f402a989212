/** Token of a `DrivenRuns`: a registered symbol, as the harness is in an entry of its own. */
export const DRIVEN_RUNS = Symbol.for('ctrlplane-workers/driven-runs');

/** Runs beside those of workers, by handler and key, as a test harness drives them: those of stored schedules. */
export interface DrivenRuns {
  /** Whether this application has the handler. */
  has(handler: string): boolean;

  /**
   * @returns milliseconds, by the application's clock, until the next run is to start; undefined when none is, with the state. Where that
   * clock is not the one that says what is due, the run is brought forward: then it is 0.
   * @throws for a key that the handler does not have
   */
  next(handler: string, key: string): Promise<{ readonly ahead?: number; readonly state: string }>;

  /** Asks for a run now. @throws for a key that the handler does not have */
  trigger(handler: string, key: string): Promise<void>;

  /** Starts what is due. */
  look(): Promise<void>;

  /** Resolves when the results of runs that have ended are stored. */
  settled(): Promise<void>;
}
