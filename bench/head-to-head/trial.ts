import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { nodeOf } from '../../test/support/parts.js';
import { Effects, type Effect } from './effects.js';
import { type Part } from './member.js';
import { type Fault, type Scenario } from './scenarios.js';
import { type Disturbance, type Seen } from './verdict.js';

const PROCESSES = 3;
const MEMBER = fileURLToPath(new URL('./member.ts', import.meta.url));
/** Milliseconds between two looks at what runs. */
const LOOK = 50;
/** For those who have joined, to settle. */
const SETTLE = 1_000;

/** Where the processes of a trial meet. */
export interface Places extends Pick<Part, 'postgres' | 'redis' | 'effects' | 'trial' | 'contender'> {
  readonly scenario: Scenario;
}

/** Three processes of one contender in one scenario. */
export async function run({ scenario, ...places }: Places): Promise<Seen> {
  const trial = new Trial(places, scenario);
  try {
    return await trial.run();
  } finally {
    await trial.end();
  }
}

class Trial {
  private readonly effects: Effects;
  private readonly members = new Set<ChildProcess>();
  private readonly disturbances: Disturbance[] = [];
  private readonly starting = new Set<Promise<unknown>>();
  private ended = false;

  constructor(
    private readonly places: Omit<Places, 'scenario'>,
    private readonly scenario: Scenario,
  ) {
    this.effects = new Effects(places.effects, places.trial);
  }

  async run(): Promise<Seen> {
    const { interval, takes, seconds, fault } = this.scenario;
    await this.effects.begin();
    await this.start(true);
    await Promise.all(Array.from({ length: PROCESSES - 1 }, () => this.start(false)));
    await wait(SETTLE);
    const from = Math.ceil(Date.now() / interval) * interval;
    const to = from + seconds * 1_000;
    await wait(from - Date.now());
    await this.disturb(fault, from, to);
    await wait(to - Date.now());
    // What was due in the window, or was taken over in it, may come to its end.
    await wait(takes + interval);
    await Promise.all(this.starting);
    const ended = Date.now();
    await this.killAll();
    const effects = await this.effects.all();
    return { effects, disturbances: this.disturbances, interval, from, to, ended };
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.killAll();
    await this.effects.end();
  }

  private async start(first: boolean): Promise<void> {
    const { interval, takes } = this.scenario;
    const part: Part = { ...this.places, interval, takes, first };
    // All of them by the same Node: some need one that is newer than what the project asks for.
    const member = fork(MEMBER, [JSON.stringify(part)], {
      execPath: nodeOf(24),
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.members.add(member);
    const [message] = await Promise.race([once(member, 'message'), once(member, 'exit')]);
    if (message !== 'joined' && !this.ended) {
      this.members.delete(member);
      throw new Error(
        `A process of ${this.places.contender} ended with ${String(message)} before it took part`,
      );
    }
  }

  private async disturb(fault: Fault, from: number, to: number): Promise<void> {
    switch (fault.kind) {
      case 'none':
        return;
      case 'killed at random':
        for (let at = from + fault.every; at < to; at += fault.every) {
          // Not always at the same time of a second.
          await wait(at - Math.random() * 1_000 - Date.now());
          const alive = [...this.members];
          this.kill(alive[Math.floor(Math.random() * alive.length)]!);
        }
        return;
      case 'killed in mid-run': {
        const met = new Set<number>();
        while (Date.now() < to) {
          const victim = (await this.active()).find((run) => run.at >= from && !met.has(this.dueOf(run)));
          if (victim && Date.now() >= victim.at + fault.after) {
            met.add(this.dueOf(victim));
            this.kill(this.memberOf(victim.pid)!);
          }
          await wait(LOOK);
        }
        return;
      }
      case 'frozen in mid-run':
        for (;;) {
          const [victim] = (await this.active()).filter(({ at }) => at >= from);
          if (victim && Date.now() >= victim.at + fault.after) {
            const { pid } = victim;
            const at = Date.now();
            process.kill(pid, 'SIGSTOP');
            await wait(fault.length);
            this.disturbances.push({ pid, at, until: Date.now() });
            process.kill(pid, 'SIGCONT');
            return;
          }
          if (Date.now() > to) return;
          await wait(LOOK);
        }
    }
  }

  /** Runs that have begun and not ended, whose processes are alive, oldest first. */
  private async active(): Promise<Effect[]> {
    const all = await this.effects.all();
    const over = new Set(all.filter(({ what }) => what !== 'start').map(({ run }) => run));
    return all.filter(({ what, run, pid }) => what === 'start' && !over.has(run) && this.memberOf(pid));
  }

  private dueOf({ due, at }: Effect): number {
    const { interval } = this.scenario;
    return due ?? Math.floor(at / interval) * interval;
  }

  private memberOf(pid: number): ChildProcess | undefined {
    return [...this.members].find((member) => member.pid === pid);
  }

  /** And starts another one in its place, as what watches over processes does. */
  private kill(member: ChildProcess): void {
    this.members.delete(member);
    member.kill('SIGKILL');
    this.disturbances.push({ pid: member.pid!, at: Date.now() });
    const starting = this.start(false);
    this.starting.add(starting);
    // Whoever waits for all of them is told.
    starting.catch(() => {});
  }

  private async killAll(): Promise<void> {
    const alive = [...this.members].filter(({ exitCode, signalCode }) => exitCode === null && !signalCode);
    this.members.clear();
    await Promise.all(
      alive.map(async (member) => {
        const gone = once(member, 'exit');
        member.kill('SIGKILL');
        await gone;
      }),
    );
  }
}
