import { type ChildProcess } from 'node:child_process';
import { type InstanceId } from '../../ids/typed-id.js';
import { type ProviderChange, type ProviderInstance } from '../provider.js';
import { InstanceChanges } from '../instance-changes.js';
import { isAlive, type ProcessIdentity } from './process-identity.js';
import { startTicking, type Timer } from '../../../core/timing/timer.js';

/**
 * Milliseconds between two looks at processes that are not children of this one: an earlier control plane has
 * started them, and Node has no `pidfd_open`. A look costs 20 µs a process.
 */
const LOOK_INTERVAL = 400;

/** A program of an instance that should run. */
export interface WantedInstance {
  id: InstanceId;
  /** Dead or alive. */
  process: ProcessIdentity;
  /** Whether it is a child of ours that is alive: we are told of its end. */
  isFollowed: boolean;
}

/** What the watch needs to know of the instances. */
export interface WatchedInstances {
  read(id: InstanceId): Promise<ProviderInstance>;
  /** Those that should run. */
  wanted(): Promise<WantedInstance[]>;
}

/**
 * Tells of instances that end by themselves, soon, while there are watchers. What is dead at the first read is told as
 * well: nothing tells whether it ended before the watch began or in the moment between.
 */
export class ExitWatch {
  private readonly changes = new InstanceChanges();
  /** Processes to look at. */
  private readonly adopted = new Map<string, WantedInstance>();
  /** Processes whose end was told last: each end is told once, however many watch. */
  private readonly told = new Map<InstanceId, string>();
  /** Of which something ended, and it could not be said what that means. */
  private readonly unclear = new Set<InstanceId>();
  private timer?: Timer;

  constructor(private readonly instances: WatchedInstances) {}

  watch(signal: AbortSignal): AsyncIterable<ProviderChange> {
    const changes = this.changes.watch(signal);
    if (!signal.aborted) {
      signal.addEventListener('abort', () => this.rest(), { once: true });
      this.timer ??= startTicking(() => this.look(), LOOK_INTERVAL, true);
      void this.adopt();
    }
    return changes;
  }

  /** A call is over that may have changed the instance. One that found its process running leaves it to be looked at. */
  changed(id: InstanceId): void {
    this.told.delete(id);
    this.changes.tell(id, 'changed');
    if (this.unclear.delete(id)) void this.ended(id);
  }

  /** Tells when the child ends: `exited`, unless it was stopped. */
  follow(id: InstanceId, child: ChildProcess): void {
    child.once('exit', () => {
      if (this.changes.watched) void this.ended(id);
    });
  }

  private async ended(id: InstanceId): Promise<void> {
    const { state, ref: main = '', services = [] } = await this.instances.read(id);
    const ref = [
      main,
      ...services.flatMap((each) => (each.state === 'exited' ? (each.ref ?? []) : [])),
    ].join();
    // One of its services has ended while it is being changed.
    if (state === 'unknown') this.unclear.add(id);
    if (state !== 'exited' || this.told.get(id) === ref) return;
    this.told.set(id, ref);
    this.changes.tell(id, 'exited');
  }

  private async adopt(): Promise<void> {
    try {
      for (const wanted of await this.instances.wanted())
        if (!wanted.isFollowed) this.adopted.set(`${wanted.id} ${wanted.process.pid}`, wanted);
    } catch {
      // A store that cannot be read: `list` says so to everybody who asks; a watch is a hint.
    }
  }

  private look(): void {
    for (const [key, { id, process }] of this.adopted) {
      if (isAlive(process)) continue;
      this.adopted.delete(key);
      void this.ended(id);
    }
  }

  private rest(): void {
    // The iteration takes its listener off in the same abort; whoever else watches keeps the timer.
    setImmediate(() => {
      if (this.changes.watched) return;
      this.timer?.cancel();
      this.timer = undefined;
      this.adopted.clear();
    });
  }
}
