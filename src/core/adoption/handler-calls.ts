import { Injectable, Logger } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';

type Handler = () => unknown;
type Wrapped = (call: Call) => Promise<void>;
/** One call of a handler, as it passes through the wrapper. */
interface Call {
  result?: unknown;
  failure?: { readonly error: unknown };
}
/** What `ScheduleExplorer` of `@nestjs/schedule` has of use here, in its versions 6 and 12. */
interface Explorer {
  wrapFunctionInTryCatchBlocks(handler: (call: Call) => unknown, instance: object): Wrapped;
}

/**
 * Calls adopted handlers through `ScheduleExplorer.wrapFunctionInTryCatchBlocks`, as `ScheduleModule` does. It logs what a
 * handler throws as it was thrown, in the context `Scheduler`. NestJS Observe patches it to report scheduled runs.
 */
@Injectable()
export class HandlerCalls {
  private readonly prototype = explorerPrototype();
  /** That of the package keeps its logger in a field. */
  private readonly explorer = Object.assign(Object.create(this.prototype) as Explorer, {
    logger: new Logger('Scheduler'),
  });

  /** @returns what calls the handler on its instance, without arguments. It rejects with what the handler throws. */
  of(handler: Handler, instance: object): () => Promise<unknown> {
    const passing = async (call: Call): Promise<void> => {
      try {
        call.result = await handler.call(instance);
      } catch (error) {
        call.failure = { error };
        throw error;
      }
    };
    // Kind and name of a handler are read from the function itself.
    Object.defineProperty(passing, 'name', { value: handler.name });
    for (const key of Reflect.getMetadataKeys(handler) as string[])
      Reflect.defineMetadata(key, Reflect.getMetadata(key, handler), passing);
    let wrapper: Explorer['wrapFunctionInTryCatchBlocks'] | undefined;
    let wrapped: Wrapped;
    return async () => {
      // It may be patched, and restored, at any time.
      if (wrapper !== this.prototype.wrapFunctionInTryCatchBlocks) {
        wrapper = this.prototype.wrapFunctionInTryCatchBlocks;
        wrapped = this.explorer.wrapFunctionInTryCatchBlocks(passing, instance);
      }
      const call: Call = {};
      await wrapped!(call);
      if (call.failure) throw call.failure.error;
      return call.result;
    };
  }
}

/** The package exports it from 12.0.1 on. What `ScheduleModule.forRoot()` provides is the same in all versions. */
function explorerPrototype(): Explorer {
  for (const provider of ScheduleModule.forRoot().providers ?? []) {
    const { prototype } = provider as { prototype?: Explorer };
    if (prototype && 'wrapFunctionInTryCatchBlocks' in prototype) return prototype;
  }
  throw new Error('This version of @nestjs/schedule has no ScheduleExplorer: install 6 or 12');
}
