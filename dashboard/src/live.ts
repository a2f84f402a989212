import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ask } from './api.js';

/** What the server said last, and what went wrong since. */
export interface Live<T> {
  data?: T;
  error?: unknown;
  /** Asks at once. */
  refresh(): void;
}

const EVERY_MS = 2_000;

/** Asks again every two seconds, while the page is visible. What was there stays while the server is away. */
export function useLive<T>(path: string): Live<T> {
  const [state, setState] = useState<{ path: string; data?: T; error?: unknown }>({ path });
  const wake = useRef<() => void>(() => {});

  useEffect(() => {
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
      if (!ended && !document.hidden) timer = window.setTimeout(() => void look(), EVERY_MS);
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
  }, [path]);

  const refresh = useCallback(() => wake.current(), []);
  return { ...(state.path === path ? state : {}), refresh };
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
