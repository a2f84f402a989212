import pLimit from 'p-limit';
import { type Clock, SystemClock } from '../../../core/timing/clock.js';
import { timeoutSignal } from '../../../core/timing/timer.js';
import { orAborted } from '../waiting.js';
import { type DockerDaemon } from './docker-daemon.js';
import { type ContainerStats } from './engine-api.js';

/** Containers of a call: one that does not answer delays only the others of its call. */
const BATCH = 25;

/** Calls at a time. */
const CALLS = 2;

/** Milliseconds until a call that has no answer makes room for the next one. It goes on. */
const TURN = 500;

/** Milliseconds for a call, and for all of them. After that what has no answer yet is read by calls of its own. */
const PATIENCE = 1_500;
const PATIENCE_FOR_ALL = 2_500;

/** Milliseconds after which a call is given up: nobody waits so long. */
const LIMIT = 5_000;

type Answer = Promise<ContainerStats | undefined>;

/** A container of which a call for many is to tell. */
class Asked {
  answer!: (stats: ContainerStats | undefined) => void;
  giveUp!: () => void;
  /** What the call tells, however late. */
  readonly late: Answer = new Promise((resolve) => (this.answer = resolve));
  /** What it tells before it is given up; undefined then. */
  readonly soon: Answer = Promise.race([
    this.late,
    new Promise<undefined>((resolve) => (this.giveUp = () => resolve(undefined))),
  ]);

  constructor(readonly id: string) {}
}

/**
 * Reads containers by Podman's call for many. With 200 containers it cost the daemon 1.5 ms of processor time for each of them, and
 * a call for each 5.9 ms (Podman 4.3). Those that are asked for at the same moment are read together, in that order.
 */
export class BatchedStats {
  private readonly turns = pLimit(CALLS);
  private readonly asked = new Map<string, Asked>();
  /** Those of the next calls. */
  private readonly waiting: Asked[] = [];
  /** Ends with the patience for all calls. */
  private over: Promise<undefined> | undefined;

  /** @param signal for the calls of many; each reading has its own */
  constructor(
    private readonly daemon: Pick<DockerDaemon, 'stats' | 'statsOfMany'>,
    private readonly signal?: AbortSignal,
    private readonly clock: Clock = new SystemClock(),
  ) {}

  /** @returns undefined when the call for many does not give it, or not soon */
  together(id: string, signal?: AbortSignal): Promise<ContainerStats | undefined> {
    this.over ??= this.wait(PATIENCE_FOR_ALL);
    return orAborted(Promise.race([this.ask(id).soon, this.over]), signal);
  }

  /** By a call of its own, where that for many has not given it meanwhile. @returns undefined when the container has ended */
  async alone(id: string, signal?: AbortSignal): Promise<ContainerStats | undefined> {
    const given = this.asked.get(id)?.late;
    const known = await Promise.race([given, undefined]);
    if (known) return known;
    const late = new AbortController();
    const end = AbortSignal.any([late.signal, ...(signal ? [signal] : [])]);
    const own = this.daemon.stats(id, end);
    own.catch(() => undefined); // it may be the one that is not waited for
    const first = given ? Promise.race([own, given.then((found) => found ?? own)]) : own;
    try {
      return await orAborted(first, signal);
    } finally {
      late.abort();
    }
  }

  private ask(id: string): Asked {
    const before = this.asked.get(id);
    if (before) return before;
    if (this.waiting.length === 0) setImmediate(() => this.callForWaiting());
    const asked = new Asked(id);
    this.asked.set(id, asked);
    this.waiting.push(asked);
    return asked;
  }

  private callForWaiting(): void {
    const asked = this.waiting.splice(0);
    for (let start = 0; start < asked.length; start += BATCH) {
      const batch = asked.slice(start, start + BATCH);
      void this.turns(() => {
        void this.wait(PATIENCE).then(() => batch.forEach(({ giveUp }) => giveUp()));
        return Promise.race([this.readTogether(batch), this.wait(TURN)]);
      });
    }
  }

  /** Nothing when the call fails, as it does when one of them has ended: the call for each then says what is wrong. */
  private async readTogether(batch: readonly Asked[]): Promise<void> {
    const end = AbortSignal.any([timeoutSignal(LIMIT), ...(this.signal ? [this.signal] : [])]);
    const ids = batch.map(({ id }) => id);
    const found = await orAborted(this.daemon.statsOfMany(ids, end), end).catch(() => undefined);
    for (const { id, answer } of batch) answer(found?.get(id));
  }

  private wait(milliseconds: number): Promise<undefined> {
    return new Promise((resolve) => {
      this.clock.setTimer(() => resolve(undefined), milliseconds, true);
    });
  }
}
