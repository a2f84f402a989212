import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ApiError, ask, type Run, SESSION_BEGUN, type WorkerInfo } from './api.js';
import { LiveChannel, type RunNews } from './live/live-channel.js';
import { type LiveState } from './live/live-state.js';

/** What the server said last, and what went wrong since. */
export interface Live<T> {
  data?: T;
  error?: unknown;
  /** Asks at once. */
  refresh(): void;
}

const EVERY_MS = 2_000;

let shared: LiveChannel | undefined;

/** The one stream of this tab, opened when it is first needed. */
export function liveChannel(): LiveChannel {
  return (shared ??= new LiveChannel());
}

function useLiveState(): LiveState {
  const channel = liveChannel();
  const [state, setState] = useState(channel.current);
  useEffect(() => {
    setState(channel.current);
    return channel.watch(setState);
  }, [channel]);
  return state;
}

function errorOf({ error }: LiveState): unknown {
  if (!error) return undefined;
  return error.status === undefined
    ? new TypeError(error.message)
    : new ApiError(error.status, error.message);
}

/** All workers, as they change. */
export function useWorkers(): Live<WorkerInfo[]> {
  const state = useLiveState();
  const data = useMemo(() => state.workers && [...state.workers.values()], [state.workers]);
  const error = useMemo(() => errorOf(state), [state.error]);
  const refresh = useCallback(() => liveChannel().retry(), []);
  return { refresh, error, ...(data && { data }) };
}

/** Whether the replica that answers cannot reach its cluster, and shows what it knows itself. */
export function useIsCutOff(): boolean {
  const { coordinated, source } = useLiveState();
  return coordinated === true && source === 'replica';
}

/** One worker, as it changes. `refresh` asks for it at once, such as after it was paused. */
export function useWorker(name: string): Live<WorkerInfo> {
  const state = useLiveState();
  const data = state.workers?.get(name);
  const [unknown, setUnknown] = useState<unknown>();
  const look = useCallback(async (): Promise<void> => {
    try {
      const worker = await ask<WorkerInfo>(`workers/${encodeURIComponent(name)}`);
      setUnknown(undefined);
      liveChannel().note(worker);
    } catch (error) {
      setUnknown(error);
    }
  }, [name]);
  const missing = state.workers !== undefined && data === undefined;
  useEffect(() => void (missing && look()), [missing, look]);
  const refresh = useCallback(() => {
    liveChannel().retry();
    void look();
  }, [look]);
  const error = useMemo(() => errorOf(state), [state.error]);
  return { refresh, error: error ?? (missing ? unknown : undefined), ...(data && { data }) };
}

/**
 * The last runs of a worker, newest first, as they change. Asked for when it begins and when the stream has missed some, at most
 * every two seconds.
 */
export function useRuns(worker: string, limit: number): Live<Run[]> {
  const [state, setState] = useState<{ worker: string; data?: Run[]; error?: unknown }>({ worker });
  const wake = useRef<() => void>(() => {});

  useEffect(() => {
    let ended = false;
    let asking = false;
    let again = false;
    const look = async (): Promise<void> => {
      if (asking) return void (again = true);
      asking = true;
      again = false;
      try {
        const { items: data } = await ask<{ items: Run[] }>(
          `workers/${encodeURIComponent(worker)}/runs?limit=${limit}`,
        );
        if (!ended) setState({ worker, data });
      } catch (error) {
        if (!ended) setState((before) => ({ ...before, worker, error }));
      }
      setTimeout(() => {
        asking = false;
        if (again && !ended) void look();
      }, EVERY_MS);
    };
    const heard = (news: RunNews): void => {
      if (news === 'all') return void look();
      const own = news.filter((run) => run.worker === worker);
      if (own.length > 0)
        setState((before) =>
          before.worker === worker && before.data
            ? { worker, data: merged(before.data, own).slice(0, limit) }
            : before,
        );
      // What came between the question and its answer may be in neither.
      if (asking && own.length > 0) again = true;
    };
    wake.current = () => void look();
    void look();
    const stop = liveChannel().watchRuns(heard);
    return () => {
      ended = true;
      stop();
    };
  }, [worker, limit]);

  const refresh = useCallback(() => wake.current(), []);
  return { ...(state.worker === worker ? state : {}), refresh };
}

function merged(runs: readonly Run[], news: readonly Run[]): Run[] {
  const all = new Map(runs.map((run) => [run.id, run]));
  for (const run of news) all.set(run.id, run);
  return [...all.values()].sort((a, b) => Date.parse(b.started_at) - Date.parse(a.started_at));
}

/** What is not in the stream: asks again every two seconds, or after what is given, while the page is visible. */
export function usePolled<T>(path: string | undefined, every = EVERY_MS): Live<T> {
  const [state, setState] = useState<{ path: string | undefined; data?: T; error?: unknown }>({ path });
  const wake = useRef<() => void>(() => {});

  useEffect(() => {
    if (path === undefined) return undefined;
    let ended = false;
    let timer: number | undefined;
    const look = async (): Promise<void> => {
      clearTimeout(timer);
      try {
        const data = await ask<T>(path);
        if (!ended) setState({ path, data });
      } catch (error) {
        if (!ended)
          setState((before) => ({ path, data: before.path === path ? before.data : undefined, error }));
      }
      if (!ended && !document.hidden) timer = window.setTimeout(() => void look(), every);
    };
    const shown = (): void => void (document.hidden || look());
    wake.current = () => void look();
    document.addEventListener('visibilitychange', shown);
    void look();
    return () => {
      ended = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', shown);
    };
  }, [path, every]);

  const refresh = useCallback(() => wake.current(), []);
  return { ...(state.path === path ? state : {}), refresh };
}

/** What does not change while the server runs: asked for once, and again after the stream was lost, or a session has begun. */
export function useOnce<T>(path: string): Live<T> {
  return useAsked<T>(path, afterGap);
}

function afterGap(look: () => void): () => void {
  const stop = liveChannel().watchRuns((news) => void (news === 'all' && look()));
  addEventListener(SESSION_BEGUN, look);
  return () => {
    stop();
    removeEventListener(SESSION_BEGUN, look);
  };
}

/** Milliseconds within which the pages that are told of a change ask, each in its own time: together they would delay what is due then. */
const SPREAD_MS = 1_000;

/** Incidents, or what belongs to them, from this path: asked for once, and again when the stream says that they have changed. */
export function useIncidents<T>(path: string): Live<T> {
  return useAsked<T>(path, whenIncidentsChange);
}

function whenIncidentsChange(look: () => void): () => void {
  let timer: number | undefined;
  const stop = liveChannel().watchIncidents(() => {
    clearTimeout(timer);
    timer = window.setTimeout(look, Math.random() * SPREAD_MS);
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}

/** @param again calls what it is given each time when there may be something new, until what it returns is called */
function useAsked<T>(path: string, again: (look: () => void) => () => void): Live<T> {
  const [state, setState] = useState<{ data?: T; error?: unknown }>({});
  const wake = useRef<() => void>(() => {});
  useEffect(() => {
    let latest = 0;
    let timer: number | undefined;
    const look = async (): Promise<void> => {
      clearTimeout(timer);
      const mine = ++latest;
      try {
        const data = await ask<T>(path);
        if (mine === latest) setState({ data });
      } catch (error) {
        if (mine !== latest) return;
        setState((before) => ({ ...before, error }));
        // What the server refuses, it refuses again.
        if (!(error instanceof ApiError && error.status < 500))
          timer = window.setTimeout(() => void look(), EVERY_MS);
      }
    };
    const stop = again(() => void look());
    wake.current = () => void look();
    void look();
    return () => {
      latest = -1;
      clearTimeout(timer);
      stop();
    };
  }, [path, again]);
  const refresh = useCallback(() => wake.current(), []);
  return { ...state, refresh };
}

/** The time now, anew every second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
