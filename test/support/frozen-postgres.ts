import { childrenOf } from '../../src/app/embedded-postgres/server-process.js';
import {
  isAlive,
  readProcessIdentity,
  type ProcessIdentity,
} from '../../src/modules/providers/process/process-identity.js';

/** A PostgreSQL server whose processes all stand still (SIGSTOP). */
export class FrozenPostgres {
  private constructor(
    private readonly main: ProcessIdentity,
    private readonly children: ProcessIdentity[],
  ) {}

  static async freeze(pid: number): Promise<FrozenPostgres> {
    const main = readProcessIdentity(pid);
    if (!main) throw new Error(`No process ${pid} to freeze`);
    // First: it starts no other then, and a child that has ended keeps its process id, as only the main process frees that.
    process.kill(main.pid, 'SIGSTOP');
    const children = await childrenOf(main.pid);
    for (const child of children) process.kill(child.pid, 'SIGSTOP');
    return new FrozenPostgres(main, children);
  }

  /** The main process last: it would free the process ids of children that have ended, and their signal would fail. */
  resume(): void {
    for (const { pid } of [...this.children, this.main]) process.kill(pid, 'SIGCONT');
  }

  /** Those that have not ended. */
  living(): ProcessIdentity[] {
    return [this.main, ...this.children].filter(isAlive);
  }
}
