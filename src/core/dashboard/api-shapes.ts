// Answers of the API (docs/http.md), for its clients, the page and the command line. The page imports this file, so it
// imports nothing.

/** A worker in the answer to `GET /workers`. Instants are ISO 8601, durations are in milliseconds. */
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
  /** Source of the data; `replica`: the memory of the replica that answers. */
  source?: 'cluster' | 'replica';
}

export interface Progress {
  done: number;
  total?: number;
  message?: string;
}

/** A run in the `items` of the answer to `GET /runs` and `GET /workers/:name/runs`. */
export interface Run {
  id: string;
  worker: string;
  replica: string;
  trigger: string;
  /** Of the stored schedule that it was for. */
  key?: string;
  fencing_token?: number;
  attempt: number;
  scheduled_at: string;
  started_at: string;
  ended_at?: string;
  outcome: string;
  error?: RunError;
  progress?: Progress;
  shards?: { total: number; done: number; failed: number };
  lateness_ms: number;
  blocked_ms?: number;
  actor?: string;
  release?: string;
  metrics?: Record<string, number>;
  /** These three only in the answer to `GET /runs/:id`. */
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

/** A replica in the answer to `GET /replicas`. */
export interface Replica {
  id: string;
  host: string;
  pid: number;
  started_at: string;
  alive: boolean;
  release?: string;
}
