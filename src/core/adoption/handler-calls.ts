import { Injectable, Logger } from '@nestjs/common';
import { type Begun, ScheduleSeam } from './schedule-seam.js';

type Handler = () => unknown;

/** Calls adopted handlers as `ScheduleModule` does, and logs what they throw, unchanged, in the context `Scheduler`. */
@Injectable()
export class HandlerCalls {
  private readonly seam = new ScheduleSeam(new Logger('Scheduler'));

  /** @returns a function that calls the handler on its instance, without arguments */
  of(handler: Handler, instance: object): () => Begun {
    // Patches of the wrapper read kind and name of a handler from the function.
    const keys = Reflect.getMetadataKeys(handler) as string[];
    const metadata = new Map(keys.map((key) => [key, Reflect.getMetadata(key, handler) as unknown]));
    const inside = this.seam.through({ name: handler.name, metadata, instance });
    const work = (): unknown => handler.call(instance);
    return () => inside(work);
  }
}
