/** A directory that the app cannot keep its data in, found before anything was created. */
export class UnusableDirectoryError extends Error {
  override readonly name = 'UnusableDirectoryError';

  /**
   * @param directory the one that was asked for
   * @param reason what is wrong, naming the very path at fault (often a parent)
   * @param fix what to do about it
   */
  constructor(
    readonly directory: string,
    readonly reason: string,
    readonly fix: string,
  ) {
    super(`Cannot keep data in ${directory}: ${reason}. ${fix}.`);
  }
}

/** Another living process holds the data directory. Nothing was touched. */
export class DataDirectoryInUseError extends Error {
  override readonly name = 'DataDirectoryInUseError';

  /** @param pid process id of the holder */
  constructor(
    readonly directory: string,
    readonly pid: number,
  ) {
    super(
      `${directory} is in use by process ${pid}. Stop that one first, or give this one a directory of its own by DATA_DIR.`,
    );
  }
}
