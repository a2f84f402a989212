import { type ServerResponse } from 'node:http';
import { Inject, Injectable, type OnModuleDestroy, ServiceUnavailableException } from '@nestjs/common';
import { IncidentStore } from '../../history/incident.store.js';
import { RunRecorder } from '../../history/run.recorder.js';
import { Scheduler } from '../../scheduler/scheduler.js';
import { WorkerEvents } from '../../scheduler/worker-events.js';
import { inRootContext } from '../../timing/root-context.js';
import { startTicking, startTimer, type Timer } from '../../timing/timer.js';
import { workersInTurn } from '../shown-worker.js';
import { IncidentChanges } from './incident-changes.js';
import { inTurns } from './in-turns.js';
import { LiveClient } from './live-client.js';
import { changeMessage, END_MESSAGE, type LiveState, snapshotMessage, stateOf } from './live-message.js';
import { RunChanges } from './run-changes.js';

/** Milliseconds between two looks at the cluster while there are clients. */
const LOOK_EVERY = 1_000;
/** The same after an event on this replica, at least: events until then are sent together. */
const LOOK_SOON = 250;
/** After an event the next look comes when this many times the time of the last one has passed, so that looks take 1%. */
const SHARE = 100;
/** Milliseconds between signs of life, so that proxies do not close an idle connection. */
const PING_EVERY = 15_000;
/** A browser has one stream for all its tabs. */
const MOST_CLIENTS = 1_000;

/**
 * The stream of `GET /dashboard/live`: a snapshot of all workers, then changes. One look serves all clients, and there
 * are no looks without clients.
 */
@Injectable()
export class LiveFeed implements OnModuleDestroy {
  private readonly clients = new Set<LiveClient>();
  private runs?: RunChanges;
  private incidents?: IncidentChanges;
  private state?: LiveState;
  private snapshot?: Buffer;
  /** The first look: clients that come before its end wait for it. */
  private opening?: Promise<void>;
  /** Grows when the first client comes and when the last one leaves: a look from before then sends nothing. */
  private generation = 0;
  private timer?: Timer;
  private pinging?: Timer;
  private lookedAt = 0;
  /** Milliseconds between the last look and the next one after an event. */
  private soon = LOOK_SOON;
  /** When the timer fires; by `performance.now()`. */
  private lookAt = 0;
  private looking = false;
  private closed = false;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly recorder: RunRecorder,
    @Inject(IncidentStore) private readonly incidentStore: IncidentStore,
    private readonly events: WorkerEvents,
  ) {}

  /**
   * Checks whether there is a place for another client.
   * @throws ServiceUnavailableException
   */
  check(): void {
    if (this.closed) throw new ServiceUnavailableException('The application is shutting down');
    if (this.clients.size >= MOST_CLIENTS)
      throw new ServiceUnavailableException(
        `${MOST_CLIENTS} clients listen already: close some, or ask GET /workers instead`,
      );
  }

  /** Sends everything to a client from now on, until the connection closes or the application shuts down. */
  async join(response: ServerResponse): Promise<void> {
    const client = new LiveClient(response, () => this.snapshotNow());
    this.clients.add(client);
    response.once('close', () => this.leave(client));
    if (response.destroyed) return this.leave(client);
    await inRootContext(() => (this.opening ??= this.open()));
    if (this.closed) client.end(END_MESSAGE);
    else if (this.clients.has(client)) client.send(this.snapshotNow());
  }

  /** Number of clients. */
  get size(): number {
    return this.clients.size;
  }

  onModuleDestroy(): void {
    this.closed = true;
    for (const client of this.clients) client.end(END_MESSAGE);
    this.clients.clear();
    this.close();
  }

  private leave(client: LiveClient): void {
    this.clients.delete(client);
    if (this.clients.size === 0) this.close();
  }

  private async open(): Promise<void> {
    const generation = ++this.generation;
    const runs = new RunChanges(this.scheduler, this.recorder, () => this.lookIn(this.soon));
    const incidents = new IncidentChanges(this.incidentStore, this.events);
    this.runs = runs;
    this.incidents = incidents;
    await Promise.all([runs.start(), incidents.start()]);
    const state = await stateOf(await workersInTurn(this.scheduler));
    if (this.generation !== generation) {
      runs.stop();
      return incidents.stop();
    }
    this.state = state;
    this.snapshot = undefined;
    this.pinging = startTicking(() => this.clients.forEach((client) => client.ping()), PING_EVERY, true);
    this.lookedAt = performance.now();
    this.lookIn(LOOK_EVERY);
  }

  private close(): void {
    this.generation++;
    this.runs?.stop();
    this.incidents?.stop();
    this.timer?.cancel();
    this.pinging?.cancel();
    this.runs = this.incidents = this.timer = this.pinging = undefined;
    this.opening = this.state = this.snapshot = undefined;
  }

  /** Sets the next look at this many milliseconds after the last one, unless one is due sooner. */
  private lookIn(delay: number): void {
    if (!this.state || this.looking) return;
    const at = this.lookedAt + delay;
    if (this.timer && at >= this.lookAt) return;
    this.timer?.cancel();
    this.lookAt = at;
    const rest = Math.max(0, at - performance.now());
    this.timer = inRootContext(() => startTimer(() => void this.look(), rest, true));
  }

  private async look(): Promise<void> {
    this.timer = undefined;
    this.looking = true;
    const { generation } = this;
    const [runs, incidents] = [this.runs!, this.incidents!];
    let spent = 0;
    try {
      const after = await stateOf(await workersInTurn(this.scheduler), this.state);
      spent += after.spent;
      const [changed, ofIncidents] = await Promise.all([runs.take(), incidents.take()]);
      // All clients have left meanwhile, and others may have come.
      if (!this.state || this.generation !== generation) return;
      const change = await changeMessage(this.state, after, { ...changed, incidents: ofIncidents });
      if (this.generation !== generation) return;
      this.state = after;
      if (change === undefined) return;
      this.snapshot = undefined;
      spent += change.spent;
      // Clients that come meanwhile get it with the snapshot.
      spent += await inTurns(
        [...this.clients],
        (client) => client.send(change.message),
        () => this.generation === generation,
      );
    } finally {
      this.looking = false;
      this.lookedAt = performance.now();
      this.soon = Math.min(LOOK_EVERY, Math.max(LOOK_SOON, SHARE * spent));
      this.lookIn(LOOK_EVERY);
    }
  }

  private snapshotNow(): Buffer {
    return (this.snapshot ??= snapshotMessage(this.state!));
  }
}
