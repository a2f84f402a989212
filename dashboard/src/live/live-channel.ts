import { ApiError, ask, type Run, type WorkerInfo } from '../api.js';
import { readEvents } from './event-stream.js';
import { applied, type LiveMessage, type LiveState } from './live-state.js';

/** What the tabs say to each other: the leader hands on what it hears, the others ask for what was said before. */
type TabMessage =
  /** `to`: a tab that has said hello, and no other. */
  | { kind: 'heard'; message: LiveMessage; to?: string }
  | { kind: 'lost'; error: NonNullable<LiveState['error']> }
  | { kind: 'hello'; from: string }
  | { kind: 'again' }
  | { kind: 'left' };

/** Milliseconds until the leader tries again, and between two requests where there is no leader. */
const RETRY = 2_000;

/** Runs that have changed; `all`: some were missed, so that they have to be asked for. */
export type RunNews = readonly Run[] | 'all';

/**
 * The stream of the server, shared by all tabs of a browser. A browser opens six connections to one origin, so that with a
 * stream for each tab the seventh would hang: the tab that holds the lock has the stream, and tells the others over a
 * `BroadcastChannel`. When it closes, the browser gives the lock to the next. Where there are no locks, as on a page that came by http
 * from another host, each tab asks every two seconds.
 */
export class LiveChannel {
  private state: LiveState = {};
  private readonly watchers = new Set<(state: LiveState) => void>();
  private readonly runWatchers = new Set<(news: RunNews) => void>();
  private readonly incidentWatchers = new Set<() => void>();
  private readonly tabs: BroadcastChannel;
  private readonly id = crypto.getRandomValues(new Uint32Array(4)).join('-');
  private leads = false;
  private awake = () => {};

  constructor() {
    // One for each place that the page is served from: an origin may have several.
    const name = `ctrlplane-workers.live ${new URL('.', document.baseURI).pathname}`;
    this.tabs = new BroadcastChannel(name);
    this.tabs.onmessage = ({ data }: MessageEvent<TabMessage>) => this.heardFromTab(data);
    if (navigator.locks) {
      void navigator.locks.request(name, () => this.lead());
      this.tell({ kind: 'hello', from: this.id });
    } else void this.poll();
  }

  get current(): LiveState {
    return this.state;
  }

  /** @returns ends it */
  watch(watcher: (state: LiveState) => void): () => void {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  }

  /** @returns ends it */
  watchRuns(watcher: (news: RunNews) => void): () => void {
    this.runWatchers.add(watcher);
    return () => void this.runWatchers.delete(watcher);
  }

  /** Called when incidents or silences have changed, or may have. @returns ends it */
  watchIncidents(watcher: () => void): () => void {
    this.incidentWatchers.add(watcher);
    return () => void this.incidentWatchers.delete(watcher);
  }

  /** Tries at once, such as with a token that was given now. */
  retry(): void {
    this.awake();
    this.tell({ kind: 'again' });
  }

  /** The session of this browser has ended: no tab shows any longer what it was for. */
  leave(): void {
    this.tell({ kind: 'left' });
    location.reload();
  }

  /** What an answer to this tab says of a worker, before the stream does. */
  note(worker: WorkerInfo): void {
    if (this.state.workers)
      this.set({ ...this.state, workers: new Map(this.state.workers).set(worker.name, worker) });
  }

  /** Until the tab closes. */
  private async lead(): Promise<never> {
    this.leads = true;
    for (;;) {
      try {
        await readEvents('dashboard/live', new AbortController().signal, (event, data) => {
          if (event !== 'snapshot' && event !== 'change') return;
          const message = { event, ...JSON.parse(data) } as LiveMessage;
          this.heard(message);
          this.tell({ kind: 'heard', message });
        });
        this.lost({ message: UNREACHABLE });
      } catch (error) {
        this.lost(faultOf(error));
      }
      await this.pause();
    }
  }

  private async poll(): Promise<never> {
    for (;;) {
      if (!document.hidden)
        try {
          const workers = await ask<WorkerInfo[]>('workers');
          const source = workers.some((worker) => worker.source === 'cluster') ? 'cluster' : 'replica';
          const coordinated = this.state.coordinated === true || source === 'cluster';
          this.heard({ event: 'snapshot', at: new Date().toISOString(), source, coordinated, workers });
        } catch (error) {
          this.lost(faultOf(error));
        }
      await this.pause();
    }
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      this.awake = resolve;
      setTimeout(resolve, RETRY);
    });
  }

  private heardFromTab(said: TabMessage): void {
    if (said.kind === 'heard') {
      if (said.to === undefined || said.to === this.id) this.heard(said.message);
    } else if (said.kind === 'lost') this.set({ ...this.state, error: said.error });
    else if (said.kind === 'left') location.reload();
    else if (this.leads && said.kind === 'hello') this.greet(said.from);
    else if (this.leads) this.awake();
  }

  /** A tab that was opened just now. */
  private greet(to: string): void {
    const { workers, source, coordinated = false, error } = this.state;
    const at = new Date().toISOString();
    if (workers && source)
      this.tell({
        kind: 'heard',
        to,
        message: { event: 'snapshot', at, source, coordinated, workers: [...workers.values()] },
      });
    if (error) this.tell({ kind: 'lost', error });
  }

  private heard(message: LiveMessage): void {
    // A tab that was opened just now, between two messages: what the leader answers comes next.
    if (message.event === 'change' && !this.state.workers) return;
    this.set(applied(this.state, message));
    const news: RunNews = message.event === 'snapshot' || message.more ? 'all' : message.runs;
    if (news === 'all' || news.length > 0) for (const watcher of this.runWatchers) watcher(news);
    if (message.event === 'snapshot' || message.incidents)
      for (const watcher of this.incidentWatchers) watcher();
  }

  private lost(error: NonNullable<LiveState['error']>): void {
    this.set({ ...this.state, error });
    this.tell({ kind: 'lost', error });
  }

  private set(state: LiveState): void {
    this.state = state;
    for (const watcher of this.watchers) watcher(state);
  }

  private tell(message: TabMessage): void {
    this.tabs.postMessage(message);
  }
}

const UNREACHABLE = 'The server cannot be reached';

function faultOf(error: unknown): NonNullable<LiveState['error']> {
  if (error instanceof ApiError) return { status: error.status, message: error.message };
  return { message: UNREACHABLE };
}
