import { ScheduleModule } from '@nestjs/schedule';

/** What `ScheduleExplorer` of `@nestjs/schedule` has of use here, in its versions 6 and 12. */
interface Explorer {
  wrapFunctionInTryCatchBlocks(handler: (call: Call) => unknown, instance: object): Wrapped;
}
type Wrapped = (call: Call) => Promise<void>;

/** A call that has begun. */
export interface Begun {
  /** What the wrapper gives: resolves when the work has settled, however it did, and as soon as there. */
  readonly settled: Promise<void>;
  /** Settles as the work does, a little later. */
  readonly outcome: Promise<unknown>;
}

/** One call, as it passes through the wrapper, which gives nothing back. */
interface Call {
  work(): unknown;
  result?: unknown;
  failure?: { readonly error: unknown };
}

/** What is called, as whoever patches the wrapper reads it from the function. */
export interface Called {
  name: string;
  metadata: ReadonlyMap<unknown, unknown>;
  instance: object;
}

/** Before anybody could patch it: that is done by providers, which are made later than modules are loaded. */
const UNPATCHED = explorerPrototype()?.wrapFunctionInTryCatchBlocks;

/**
 * `ScheduleExplorer.wrapFunctionInTryCatchBlocks`, through which `ScheduleModule` calls each handler. It logs what that
 * throws, and keeps it. NestJS Observe patches it to report scheduled runs.
 */
export class ScheduleSeam {
  private readonly prototype = explorerPrototype() ?? unknownVersion();
  private readonly explorer: Explorer;

  /** @param logger takes what is thrown: that of the package is kept in a field */
  constructor(logger: { error(thrown: unknown): void }) {
    this.explorer = Object.assign(Object.create(this.prototype) as Explorer, { logger });
  }

  /** Whether somebody wants to know of runs. */
  get patched(): boolean {
    return this.prototype.wrapFunctionInTryCatchBlocks !== UNPATCHED;
  }

  /**
   * @returns what does some work inside the wrapper. No promise stands between the two: a job that waits for the wrapper is
   * free again as early as there.
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
      // It may be patched, and restored, at any time.
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

/** Notes what a promise rejects with before whoever takes it from here hears of it. */
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

/** The package exports it from 12.0.1 on. What `ScheduleModule.forRoot()` provides is the same in all versions. */
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
