import { ScheduleModule } from '@nestjs/schedule';

/** The part of `ScheduleExplorer` of `@nestjs/schedule` that is used here. Versions 6 and 12 have it. */
interface Explorer {
  wrapFunctionInTryCatchBlocks(handler: (call: Call) => unknown, instance: object): Wrapped;
}
type Wrapped = (call: Call) => Promise<void>;

/** A call that has begun. */
export interface Begun {
  /**
   * The wrapper's promise. Resolves when the work has settled, with or without an error, as early as under
   * `ScheduleModule`.
   */
  readonly settled: Promise<void>;
  /** Settles with the result or the error of the work, a few microtasks later. */
  readonly outcome: Promise<unknown>;
}

/** One call on its way through the wrapper. It carries the outcome, as the wrapper returns none. */
interface Call {
  work(): unknown;
  result?: unknown;
  failure?: { readonly error: unknown };
}

/** What a patch of the wrapper reads from the function that is called. */
export interface Called {
  name: string;
  metadata: ReadonlyMap<unknown, unknown>;
  instance: object;
}

/** The wrapper before any patch: providers patch it, and they are created after this file is loaded. */
const UNPATCHED = explorerPrototype()?.wrapFunctionInTryCatchBlocks;

/**
 * `ScheduleExplorer.wrapFunctionInTryCatchBlocks`, through which `ScheduleModule` calls each handler. It logs what
 * the handler throws, and does not throw it again. NestJS Observe patches it to report scheduled runs.
 */
export class ScheduleSeam {
  private readonly prototype = explorerPrototype() ?? unknownVersion();
  private readonly explorer: Explorer;

  /** @param logger receives what is thrown; it replaces the explorer's field `logger` */
  constructor(logger: { error(thrown: unknown): void }) {
    this.explorer = Object.assign(Object.create(this.prototype) as Explorer, { logger });
  }

  /** Whether the wrapper has been patched, that is, whether somebody observes runs. */
  get patched(): boolean {
    return this.prototype.wrapFunctionInTryCatchBlocks !== UNPATCHED;
  }

  /**
   * @returns a function that calls some work inside the wrapper. It adds no promise in between, so that a job which
   * waits for the wrapper is free again as early as under `ScheduleModule`.
   */
  through({ name, metadata, instance }: Called): (work: () => unknown) => Begun {
    const passing = (call: Call): unknown => {
      try {
        return (call.result = watched(call.work(), call));
      } catch (error) {
        call.failure = { error };
        throw error;
      }
    };
    Object.defineProperty(passing, 'name', { value: name });
    for (const [key, value] of metadata) Reflect.defineMetadata(key, value, passing);
    let wrapper: Explorer['wrapFunctionInTryCatchBlocks'] | undefined;
    let wrapped: Wrapped;
    return (work) => {
      // The wrapper may be patched, and restored, at any time.
      if (wrapper !== this.prototype.wrapFunctionInTryCatchBlocks) {
        wrapper = this.prototype.wrapFunctionInTryCatchBlocks;
        wrapped = this.explorer.wrapFunctionInTryCatchBlocks(passing, instance);
      }
      const call: Call = { work };
      const settled = wrapped!(call);
      return { settled, outcome: settled.then(() => outcomeOf(call)) };
    };
  }
}

/** Stores what a promise rejects with before any later handler of the promise is called. */
function watched(result: unknown, call: Call): unknown {
  if (typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') return result;
  const promise = Promise.resolve(result);
  promise.catch((error: unknown) => (call.failure = { error }));
  return promise;
}

function outcomeOf({ failure, result }: Call): unknown {
  if (failure) throw failure.error;
  return result;
}

/** The package exports the class from 12.0.1 on only. `ScheduleModule.forRoot()` provides it in all versions. */
function explorerPrototype(): Explorer | undefined {
  for (const provider of ScheduleModule.forRoot().providers ?? []) {
    const { prototype } = provider as { prototype?: Explorer };
    if (prototype && 'wrapFunctionInTryCatchBlocks' in prototype) return prototype;
  }
  return undefined;
}

function unknownVersion(): never {
  throw new Error('This version of @nestjs/schedule has no ScheduleExplorer: install 6 or 12');
}
