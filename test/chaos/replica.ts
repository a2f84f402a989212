import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { AppProcess, type Exit } from '../support/app-process.js';

/** A worker of the app `test/apps/cluster.mjs`. */
export interface ChaosWorker {
  name: string;
  /** Milliseconds, as a duration. */
  interval: number;
  /** How long a run works, milliseconds. */
  takes: number;
  /** It goes on when its signal aborts. */
  deaf?: boolean;
  /** At its end it writes into `chaos.effects`, guarded by `assertCurrent`. */
  writes?: boolean;
  maxAttempts?: number;
}

/** What the app reads from its environment. */
export interface ReplicaOptions {
  /** Of the database it is coordinated by. */
  url: string;
  /** Where effects are written; default the same. */
  effectsUrl?: string;
  workers: readonly ChaosWorker[];
  /** File that it appends its notes to. */
  journal: string;
  /** Options of `WorkerModule.forRoot`. */
  module?: { lease?: number; run?: boolean; drain?: { timeout: number; abortGrace: number } };
  /** Its wall clock is ahead of the machine's by this many milliseconds. */
  clockAhead?: number;
}

/** What a run did, and when by the machine's clock, milliseconds since the epoch. */
export interface Note {
  at: number;
  what: 'start' | 'abort' | 'end' | 'died';
  worker: string;
  slot: number;
  attempt: number;
  token: number;
  run: string;
  /** Name of what the run threw. */
  error?: string;
  /** Name of the reason of its signal. */
  reason?: string;
}

/** A real process that runs the app. */
export class Replica {
  /** Whether the process is no more. */
  ended = false;

  private constructor(
    private readonly process: AppProcess,
    /** As runs and leases name it. */
    readonly id: string,
    readonly options: ReplicaOptions,
  ) {
    void process.exit.then(() => (this.ended = true));
  }

  /** @param checkout where the built package is */
  static async start(checkout: string, options: ReplicaOptions): Promise<Replica> {
    const process = Replica.launch(checkout, options);
    const [, id] = await process.said(/ready as (\S+)/);
    return new Replica(process, id!, options);
  }

  /** Not waiting until it is ready. */
  static launch(checkout: string, options: ReplicaOptions): AppProcess {
    return new AppProcess({
      command: [process.execPath, 'test/apps/cluster.mjs'],
      cwd: checkout,
      env: { PATH: process.env.PATH, NO_COLOR: '1', REPLICA: JSON.stringify(options) },
    });
  }

  get output(): string {
    return this.process.output;
  }

  /** Waits until its output matches. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return this.process.said(pattern);
  }

  get exit(): Promise<Exit> {
    return this.process.exit;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.process.exit;
    const died = { at: Date.now(), what: 'died', run: this.id };
    appendFileSync(this.options.journal, `${JSON.stringify(died)}\n`);
  }

  /** As an orchestrator does. */
  async drain(): Promise<Exit> {
    this.process.kill('SIGTERM');
    return this.process.exit;
  }

  /** `app.close()`, and nothing else. */
  async close(): Promise<Exit> {
    this.process.type('close\n');
    return this.process.exit;
  }

  pause(): void {
    this.process.kill('SIGSTOP');
  }

  resume(): void {
    this.process.kill('SIGCONT');
  }

  /** Whatever state it is in. */
  async destroy(): Promise<void> {
    await this.process.destroy();
  }
}

/** What was noted in that file, oldest first. */
export function readJournal(file: string): Note[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Note);
}
