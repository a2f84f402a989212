import { constants } from 'node:fs';
import { open, rename, type FileHandle } from 'node:fs/promises';
import { type ClusterUser } from './cluster-user.js';

/** When a start finds the log larger than that, it begins another. */
const ROTATED_AT = 10 * 1024 * 1024;
const LINES_SHOWN = 15;

/** The file that takes what pg_ctl and the server write, start after start; the one before ends in `.1`. */
export class ServerLog {
  private constructor(
    private readonly file: FileHandle,
    private readonly begin: number,
  ) {}

  static async open(path: string, user: ClusterUser | undefined): Promise<ServerLog> {
    // Readable too, for the last lines; 0600, because statements that failed are in it.
    const file = await open(
      path,
      constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
      0o600,
    );
    // So that an ordinary user can go on with a cluster of one's own after root has run it.
    if (user) await file.chown(user.uid, user.gid);
    const { size } = await file.stat();
    if (size < ROTATED_AT) return new ServerLog(file, size);
    await file.close();
    await rename(path, `${path}.1`);
    return ServerLog.open(path, user);
  }

  get fd(): number {
    return this.file.fd;
  }

  /** The last lines that were written since it was opened. */
  async lastLines(): Promise<string[]> {
    const { size } = await this.file.stat();
    const { buffer, bytesRead } = await this.file.read({
      buffer: Buffer.alloc(size - this.begin),
      position: this.begin,
    });
    const written = buffer.toString('utf8', 0, bytesRead).split('\n');
    return written.filter((line) => line.trim() !== '').slice(-LINES_SHOWN);
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/** How much of its end is read for a reason. */
const END = 64 * 1024;

/** What PostgreSQL writes when it cannot go on, or is told to end; statements, which may hold anything, are none of these. */
const LAST_WORDS =
  /(PANIC|FATAL): {2}(?!.*(?:password|role|database ".*" does not exist|terminating connection|shutting down|starting up|in recovery mode|not yet accepting|too many clients))|LOG: {2}(received (?:fast|smart|immediate) shutdown|.*process .* (?:was terminated by|exited with))/;

/** The last line of the log that says why the server ended; undefined when none of its last lines does. */
export async function lastWords(path: string, since: Date): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const begin = Math.max(0, size - END);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - begin), position: begin });
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    const words = lines.filter((line) => LAST_WORDS.test(line) && timeOf(line) >= since.getTime());
    const last = words.at(-1);
    // That a process has ended is the consequence: what it said itself is the reason, such as that the disk is full.
    const [, process] = /\(PID (\d+)\)/.exec(last ?? '') ?? [];
    const own = words.findLast((line) => process !== undefined && line.includes(` [${process}] `));
    return (own ?? last)
      ?.replace(/^.*?(?=PANIC|FATAL|LOG:)/, '')
      .replace(/^(\w+): {2}/, '')
      .slice(0, 300);
  } finally {
    await file.close();
  }
}

/** Lines begin with the time, in the server's zone: `2026-11-25 21:52:17.568 UTC [11284] `. */
function timeOf(line: string): number {
  const [, time, zone] = /^(\S+ \S+) (\S+) \[/.exec(line) ?? [];
  const at = Date.parse(`${time} ${zone}`);
  return Number.isNaN(at) ? Infinity : at;
}
