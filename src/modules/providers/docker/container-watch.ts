import { startTimer, sleep } from '../../../core/timing/timer.js';
import { type InstanceId, isId } from '../../ids/typed-id.js';
import { InstanceChanges } from '../instance-changes.js';
import { LABELS, type ProviderChange } from '../provider.js';
import { containerName, OWN_LABELS } from './container-notes.js';
import { type ContainerStore } from './container-store.js';
import { type ContainerEvent } from './engine-api.js';

/** Milliseconds until the daemon is asked again for its events, when it is not there or has hung up. */
const AGAIN = 1_000;

/** Milliseconds for which it is known that a container was ended by this provider: events come at once, or after `AGAIN`. */
const REMEMBERED = 60_000;

/** What changes an instance; the others tell of commands in it, and of looks at it. */
const CHANGES = new Set([
  'start',
  'die',
  'died',
  'destroy',
  'remove',
  'rename',
  'pause',
  'unpause',
  'oom',
  'create',
]);
const ENDS = new Set(['die', 'died']);

/**
 * The events of the daemon, for all who watch. The stream ends with the daemon, and events of the time without one are
 * lost: after each beginning the list is compared with the one before, and what differs is told.
 */
export class ContainerWatch {
  private readonly changes = new InstanceChanges();
  /** Containers that this provider has ended: they did not exit by themselves. */
  private readonly ended = new Set<string>();
  private known?: Map<InstanceId, { ref: string; state: string }>;
  private stream?: AbortController;
  private watchers = 0;

  constructor(private readonly store: ContainerStore) {}

  async *watch(signal: AbortSignal): AsyncGenerator<ProviderChange> {
    if (signal.aborted) return;
    const changes = this.changes.watch(signal);
    if (this.watchers++ === 0) this.begin();
    try {
      yield* changes;
    } finally {
      if (--this.watchers === 0) this.stream?.abort();
    }
  }

  /** To be called before this provider ends a container. */
  ending(container: string): void {
    this.ended.add(container);
    startTimer(() => this.ended.delete(container), REMEMBERED, true);
  }

  tell(id: InstanceId): void {
    this.changes.tell(id, 'changed');
  }

  private begin(): void {
    this.stream = new AbortController();
    const { signal } = this.stream;
    this.known = undefined;
    void this.follow(signal);
  }

  private async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (!this.known) await this.compare(signal);
        const events = await this.store.events(signal);
        await this.compare(signal);
        for await (const event of events) this.take(event);
      } catch {
        // The daemon is not there: `healthCheck` and every other call say so.
      }
      await sleep(AGAIN, signal, true).catch(() => undefined);
    }
  }

  private async compare(signal: AbortSignal): Promise<void> {
    const now = new Map(
      (await this.store.list(signal)).map(({ instanceId, ref = '', state }) => [instanceId, { ref, state }]),
    );
    const before = this.known;
    this.known = now;
    if (!before) return;
    for (const id of new Set([...before.keys(), ...now.keys()])) {
      const [was, is] = [before.get(id), now.get(id)];
      if (was?.ref === is?.ref && was?.state === is?.state) continue;
      const hasExited = is?.state === 'exited' && (was?.ref !== is.ref || was.state === 'running');
      this.changes.tell(id, hasExited && !this.ended.has(is.ref) ? 'exited' : 'changed');
    }
  }

  private take({ Action, Actor }: ContainerEvent): void {
    const { [LABELS.instance]: id, name, [OWN_LABELS.service]: service } = Actor.Attributes;
    if (!CHANGES.has(Action) || !isId('instance', id)) return;
    const isPresent = name === containerName(this.store.namespace, id, 'current', service);
    // An init service ends by itself because it is done.
    const isDone = Actor.Attributes[OWN_LABELS.serviceKind] === 'init';
    const hasExited = ENDS.has(Action) && isPresent && !isDone && !this.ended.has(Actor.ID);
    this.changes.tell(id, hasExited ? 'exited' : 'changed');
  }
}
