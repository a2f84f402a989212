// What the API answers, for its clients, the page and the command line: docs/http.md. The page imports it, so it imports nothing.

/** A worker as `GET /workers` gives it. Instants are ISO 8601, lengths of time milliseconds. */
export interface Worker {
  name: string;
  interval: number;
  cron?: string;
  description?: string;
  group?: string;
  state: 'idle' | 'executing' | 'paused' | 'stuck' | 'stopped' | 'ended';
  conditions: string[];
  last_run?: string;
  last_error?: string;
  last_success?: string;
  last_duration_ms?: number;
  until?: string;
  remaining_runs?: number;
  next_run?: string;
  run_count: number;
  consecutive_failures: number;
  skipped_count: number;
  missed_count: number;
  active_runs: number;
  progress?: Progress;
  holder?: string;
  last_change?: { change: string; at: string; actor?: string };
  /** Whose knowledge it is; `replica`: the memory of the replica that answers. */
  source?: 'cluster' | 'replica';
}

export interface Progress {
  done: number;
  total?: number;
  message?: string;
}

/** A run as `GET /workers/:name/runs` gives it. */
export interface Run {
  id: string;
  worker: string;
  replica: string;
  trigger: string;
  attempt: number;
  scheduled_at: string;
  started_at: string;
  ended_at?: string;
  outcome: string;
  error?: RunError;
  progress?: Progress;
  lateness_ms: number;
  actor?: string;
  release?: string;
  metrics?: Record<string, number>;
  /** These three of one run that is asked for by its id. */
  log?: { lines: { at: string; level: string; message: string }[]; dropped: number };
  payload?: unknown;
  ran_on?: { host: string; pid: number };
}

export interface RunError {
  name?: string;
  message: string;
  stack?: string;
  cause?: RunError;
  errors?: RunError[];
}

/** A replica as `GET /replicas` gives it. */
export interface Replica {
  id: string;
  host: string;
  pid: number;
  started_at: string;
  alive: boolean;
  release?: string;
}
