import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/** One running process of the application, as its runs name it. */
export interface Replica {
  /** UUID, new at every start. */
  id: string;
  host: string;
  pid: number;
  startedAt: Date;
}

export function thisReplica(now: number): Replica {
  return { id: randomUUID(), host: hostname(), pid: process.pid, startedAt: new Date(now) };
}
