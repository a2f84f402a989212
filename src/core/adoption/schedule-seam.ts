import { ScheduleModule } from '@nestjs/schedule';

/** What `ScheduleExplorer` of `@nestjs/schedule` has of use here, in its versions 6 and 12. */
interface Explorer {
  wrapFunctionInTryCatchBlocks(handler: (call: Call) => unknown, instance: object): Wrapped;
}
type Wrapped = (call: Call) => Promise<void>;

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

  /** @returns what does some work inside the wrapper, and settles as that does */
  through({ name, metadata, instance }: Called): (work: () => unknown) => Promise<unknown> {
    const passing = async (call: Call): Promise<void> => {
      try {
        call.result = await call.work();
      } catch (error) {
        call.failure = { error };
        throw error;
      }
    };
    Object.defineProperty(passing, 'name', { value: name });
    for (const [key, value] of metadata) Reflect.defineMetadata(key, value, passing);
    let wrapper: Explorer['wrapFunctionInTryCatchBlocks'] | undefined;
    let wrapped: Wrapped;
    return async (work) => {
      // It may be patched, and restored, at any time.
      if (wrapper !== this.prototype.wrapFunctionInTryCatchBlocks) {
        wrapper = this.prototype.wrapFunctionInTryCatchBlocks;
        wrapped = this.explorer.wrapFunctionInTryCatchBlocks(passing, instance);
      }
      const call: Call = { work };
      await wrapped!(call);
      if (call.failure) throw call.failure.error;
      return call.result;
    };
  }
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
