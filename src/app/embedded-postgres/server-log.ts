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
    const file = await open(path, 'a+', 0o600);
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
