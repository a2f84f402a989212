// What the API answers, as far as the command reads it: docs/http.md.

export interface Worker {
  name: string;
  state: string;
  conditions: string[];
  interval: number;
  cron?: string;
  group?: string;
  description?: string;
  next_run?: string;
  last_run?: string;
  last_error?: string;
  last_duration_ms?: number;
  run_count: number;
  consecutive_failures: number;
  source: string;
  progress?: Progress;
}

export interface Progress {
  done: number;
  total?: number;
  message?: string;
}

export interface Run {
  id: string;
  worker: string;
  outcome: string;
  trigger: string;
  attempt: number;
  started_at: string;
  ended_at?: string;
  actor?: string;
  release?: string;
  error?: RunError;
  progress?: Progress;
  metrics?: Record<string, number>;
  payload?: unknown;
  lateness_ms: number;
  ran_on?: { host: string; pid: number };
  replica: string;
  log?: { lines: { at: string; level: string; message: string }[]; dropped: number };
}

export interface RunError {
  name?: string;
  message: string;
  stack?: string;
  cause?: RunError;
  errors?: RunError[];
}

export interface Replica {
  id: string;
  host: string;
  pid: number;
  started_at: string;
  alive: boolean;
  release?: string;
}
