import { EventEmitter, on } from 'node:events';
import { type InstanceId } from '../ids/typed-id.js';
import { type ProviderChange } from './provider.js';

/** Passes on to everybody who watches what becomes of instances. */
export class InstanceChanges {
  private readonly emitter = new EventEmitter().setMaxListeners(0);

  get watched(): boolean {
    return this.emitter.listenerCount('change') > 0;
  }

  tell(instanceId: InstanceId, change: ProviderChange['change']): void {
    this.emitter.emit('change', { instanceId, change } satisfies ProviderChange);
  }

  /** From the call on, not from the first step of the iteration. Ends when the signal aborts. */
  watch(signal: AbortSignal): AsyncIterable<ProviderChange> {
    if (signal.aborted) return nothing();
    return untilAborted(on(this.emitter, 'change', { signal }) as AsyncIterable<[ProviderChange]>, signal);
  }
}

async function* untilAborted(
  changes: AsyncIterable<[ProviderChange]>,
  signal: AbortSignal,
): AsyncGenerator<ProviderChange> {
  try {
    for await (const [change] of changes) yield change;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function* nothing(): AsyncGenerator<ProviderChange> {}
