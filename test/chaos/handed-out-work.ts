/** A run, as its record says it. */
export interface PassRun {
  outcome: string;
  attempt: number;
  shards: { total: number; done: number; failed: number } | null;
  metrics: Record<string, number> | null;
  message: string | null;
}

/** A pass that replicas shared. */
export interface SharedPass {
  /** Those that have ended: with a replica killed there may be several. */
  readonly runs: readonly PassRun[];
  /** What the replicas wrote meanwhile: a word, the id of the process, more words. */
  readonly lines: readonly (readonly string[])[];
  /** Ids of the instances that the provider's store holds afterwards. A replica may be killed before it writes what it did. */
  readonly held: ReadonlySet<string>;
  /** Whether no replica was killed. */
  readonly quiet: boolean;
}

/** Asks the database. */
export type Ask = <Row extends object>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;

/** What replicas share in a pass, and what has to come of it. */
export interface HandedOutWork {
  /** What was counted until now. */
  readonly figures: Readonly<Record<string, number>>;
  /** Makes what there is to do. */
  fill(): Promise<void>;
  /**
   * @param runs that have ended since then
   * @param quiet whether no replica was killed
   */
  isDone(runs: readonly PassRun[], quiet: boolean): boolean | Promise<boolean>;
  /** @returns what is not as it should be */
  judge(pass: SharedPass): Promise<string[]>;
  end?(): Promise<void>;
}

/** What the records of the runs that have succeeded say wrongly of their shards. */
export function wrongRecords(runs: readonly PassRun[]): string[] {
  return runs
    .filter(({ outcome, shards }) => outcome === 'succeeded' && shards !== null)
    .filter(({ shards }) => shards!.failed !== 0 || shards!.done !== shards!.total)
    .map(({ shards }) => `the record says ${JSON.stringify(shards)}`);
}
