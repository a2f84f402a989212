import { isAlive, readProcessIdentity } from '../../modules/providers/process/process-identity.js';
import { type ServerProcess } from './server-process.js';
import { startTimer } from '../../core/timing/timer.js';

/** Milliseconds between two looks at the process, which is no child of ours and tells us nothing. */
const LOOK = 250;
/** Milliseconds between two questions to the server itself: its process may be there and frozen. */
const ASK = 2_000;
/** So often in a row it gives no answer before it is away: this process may have stood still as well. */
const SILENT_TIMES = 2;
/** Milliseconds before the second try to start it, and the most; each wait is twice the one before. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
/** One that ran for less did not recover: the next try waits as if it had not come up. */
const STABLE = 10_000;

/** Whether the server runs, and answers. */
export type ServerStatus = { state: 'running' } | { state: 'away'; since: Date; reason: string };

export interface SupervisorOptions {
  server: ServerProcess;
  /** Starts it again, on the same port. */
  restart: () => Promise<ServerProcess>;
  /** Why one whose process is there serves nobody; undefined when it does. Takes some seconds at most. */
  whySilent: (server: ServerProcess) => Promise<string | undefined>;
  /** Why the last one ended, from its log; undefined when that says nothing. */
  lastWords: () => Promise<string | undefined>;
  /** Takes what an operator may want to know. */
  log: (message: string) => void;
}

/** Starts a server again that has ended, again and again, each time later, until it is told to stop. */
export class Supervisor {
  private now: ServerStatus = { state: 'running' };
  private current: ServerProcess;
  private readonly stopping = new AbortController();
  private readonly watching: Promise<void>;

  constructor(private readonly options: SupervisorOptions) {
    this.current = options.server;
    this.watching = this.watch();
  }

  /** The server that runs, or that was the last to. */
  get server(): ServerProcess {
    return this.current;
  }

  status(): ServerStatus {
    return this.now;
  }

  /** Starts none any more; resolves when none is being started. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.watching;
  }

  private async watch(): Promise<void> {
    const { log } = this.options;
    let wait = 0;
    while (!this.stopping.signal.aborted) {
      const startedAt = performance.now();
      const identity = readProcessIdentity(this.current.pid);
      await this.watchLiving(() => identity !== undefined && isAlive(identity));
      if (this.stopping.signal.aborted) return;
      const reason = await this.reason('its log says nothing of an end, as when it is killed');
      this.now = { state: 'away', since: new Date(), reason };
      log(`PostgreSQL has ended: ${reason}. It is started again`);
      if (performance.now() - startedAt > STABLE) wait = 0;
      for (;;) {
        if (!(await this.pause(wait))) return;
        wait = Math.min(LONGEST_WAIT, Math.max(FIRST_WAIT, wait * 2));
        try {
          this.current = await this.options.restart();
          break;
        } catch (error) {
          const said = await this.reason((error as Error).message.split('\n')[0]!);
          this.now = { ...this.now, reason: said };
          log(`PostgreSQL does not start: ${said}. The next try is in ${wait / 1_000} s`);
        }
      }
      this.now = { state: 'running' };
      log(`PostgreSQL runs again (process ${this.current.pid})`);
    }
  }

  /** Until it has ended, or this is told to stop. */
  private async watchLiving(lives: () => boolean): Promise<void> {
    let asking: Promise<void> | undefined;
    let askedAt = performance.now();
    let silent = 0;
    const ask = async (): Promise<void> => {
      const reason = await this.options.whySilent(this.current);
      if (this.stopping.signal.aborted || !lives()) return;
      silent = reason === undefined ? 0 : silent + 1;
      this.answered(silent < SILENT_TIMES ? undefined : reason);
    };
    while (lives() && (await this.pause(LOOK))) {
      if (asking || performance.now() - askedAt < ASK) continue;
      asking = ask().finally(() => {
        asking = undefined;
        askedAt = performance.now();
      });
    }
  }

  private answered(whyNot: string | undefined): void {
    if (whyNot === undefined) {
      if (this.now.state === 'away') this.options.log('PostgreSQL answers again');
      this.now = { state: 'running' };
    } else if (this.now.state === 'running') {
      this.now = { state: 'away', since: new Date(), reason: whyNot };
      this.options.log(`PostgreSQL does not answer: ${whyNot}`);
    }
  }

  private async reason(otherwise: string): Promise<string> {
    return (await this.options.lastWords().catch(() => undefined)) ?? otherwise;
  }

  /** False when it is told to stop. */
  private pause(ms: number): Promise<boolean> {
    const { signal } = this.stopping;
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', done);
        resolve(!signal.aborted);
      };
      const timer = startTimer(done, ms, true);
      signal.addEventListener('abort', done);
    });
  }
}
