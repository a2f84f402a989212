/** The embedded PostgreSQL cannot be run. The message says why and what to do; it never holds the password. */
export class EmbeddedPostgresError extends Error {
  override readonly name: string = 'EmbeddedPostgresError';
}

/** The stored password is not the one that the cluster knows. Nothing was changed. */
export class WrongPasswordError extends EmbeddedPostgresError {
  override readonly name = 'WrongPasswordError';

  /** @param files the directory of the cluster, and the file that keeps its password */
  constructor({ directory, password }: { directory: string; password: string }) {
    super(
      `The database in ${directory} refuses the password in ${password}. Bring the right one back, or move the directory away to begin afresh.`,
    );
  }
}

/** PostgreSQL was run and did not come up, or would not stop. The message shows what it said last. */
export class PostgresServerError extends EmbeddedPostgresError {
  override readonly name = 'PostgresServerError';

  /**
   * @param logFile where the whole of its log is
   * @param lastLines the end of what it wrote there this time
   */
  constructor(
    problem: string,
    readonly logFile: string,
    readonly lastLines: readonly string[],
  ) {
    const said = lastLines.map((line) => `\n  ${line}`).join('');
    super(`${problem} See ${logFile}${said && `, which ends with:${said}`}`);
  }

  /** Whether another try may well succeed. */
  get mayPass(): boolean {
    return this.lastLines.some((line) => PASSING.test(line));
  }
}

/**
 * Another process took the port between its choosing and its use; the children of a server that was killed
 * have not noticed yet; or a server was coming up just then.
 */
const PASSING = /could not bind|pre-existing shared memory block|lock file "postmaster.pid" already exists/;
