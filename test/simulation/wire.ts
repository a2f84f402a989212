import { type Random } from './random.js';
import { type ReplicaClock } from './replica-clock.js';
import { type Trace } from './trace.js';
import { type World } from './world.js';

/** How often what goes wrong between a replica and the store: probabilities per call. */
export interface Weather {
  /** Milliseconds, the mean of either way. */
  readonly latency: number;
  readonly requestLost: number;
  readonly answerLost: number;
  /** The request is under way for up to 12 s, and may get there when nobody waits for it any more. */
  readonly requestLate: number;
  readonly answerLate: number;
  /** It gets there twice, the second time up to 12 s later. */
  readonly doubled: number;
  /** The replica dies while it waits for the answer. */
  readonly crash: number;
}

export const FAIR: Weather = {
  latency: 1,
  requestLost: 0,
  answerLost: 0,
  requestLate: 0,
  answerLate: 0,
  doubled: 0,
  crash: 0,
};

export function weather(random: Random): Weather {
  const rate = random.pick([0.01, 0.05, 0.15]);
  const some = (): number => (random.chance(0.5) ? rate : 0);
  return {
    latency: random.pick([0.5, 5, 100]),
    requestLost: some(),
    answerLost: some(),
    requestLate: some(),
    answerLate: some(),
    doubled: some(),
    crash: random.chance(0.4) ? 0.01 : 0,
  };
}

/** When a client gives up, milliseconds of its own clock. */
export const TIMEOUT = 5_000;
export const LATEST = 12_000;

/** What the wire needs of the process that calls. */
export interface Caller {
  readonly label: string;
  readonly clock: ReplicaClock;
  /** Runs a callback if and when the process runs. */
  enter(callback: () => void): void;
  crash(why: string): void;
}

/** A call from a replica to the store and its answer, on whose way anything may happen. */
export class Wire {
  /** @param expected whether an error is an answer of the store's, and no fault of the simulation */
  constructor(
    private readonly caller: Caller,
    private readonly store: { readonly down: boolean },
    private readonly world: World,
    private readonly random: Random,
    private readonly trace: Trace,
    private readonly weather: () => Weather,
    private readonly expected: (error: unknown) => boolean = () => false,
  ) {}

  call<T>(what: string, apply: () => Promise<T>): Promise<T> {
    const { caller, world, random } = this;
    const weather = this.weather();
    return new Promise<T>((resolve, reject) => {
      let settled = false;
      const timer = caller.clock.setTimer(() => {
        settled = true;
        this.trace.note(caller.label, () => `gives up on ${what}`);
        reject(new Error(`no answer to ${what}`));
      }, TIMEOUT);
      const settle = (by: () => void, delay: number): void => {
        world.in(delay, () =>
          caller.enter(() => {
            if (settled) return;
            settled = true;
            timer.cancel();
            by();
          }),
        );
      };
      const arrive = (answers: boolean): void => {
        if (this.store.down) {
          // Half of them hear of it at once: the connection is refused.
          if (random.chance(0.5)) settle(() => reject(new Error('the store is down')), this.latency(weather));
          return;
        }
        const answer = apply();
        answer.catch((error: unknown) => {
          if (!this.expected(error)) throw error;
        });
        if (answers && !random.chance(weather.answerLost)) {
          const late = random.chance(weather.answerLate) ? random.between(0, LATEST) : 0;
          settle(() => void answer.then(resolve, reject), this.latency(weather) + late);
        } else this.trace.note(caller.label, () => `will not hear the answer to ${what}`);
      };
      if (random.chance(weather.crash))
        world.in(random.pick([0, 0, 2 * weather.latency]), () => caller.crash(`during ${what}`));
      if (random.chance(weather.doubled))
        world.in(random.between(0, LATEST), () => arrive(random.chance(0.5)));
      if (random.chance(weather.requestLost)) {
        this.trace.note(caller.label, () => `${what} is lost`);
        return;
      }
      const late = random.chance(weather.requestLate) ? random.between(0, LATEST) : 0;
      const delay = this.latency(weather) + late;
      if (delay < 0.2) arrive(true);
      else
        // What comes of it is heard with the answer; only the trace wants to know at once.
        world.in(delay, () => arrive(true), !this.trace.on);
    });
  }

  private latency({ latency }: Weather): number {
    return this.random.exponential(latency);
  }
}
