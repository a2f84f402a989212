import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/** One running process of the application, as its runs name it. */
export interface Replica {
  /** UUID, new at every start. */
  id: string;
  host: string;
  pid: number;
  startedAt: Date;
  /** Release of the application that it runs; absent when unknown. */
  release?: string;
}

/** A replica in the history. */
export interface KnownReplica extends Replica {
  /** Whether it has sent a heartbeat lately and has not shut down. */
  alive: boolean;
  /** When it sent its last heartbeat; absent when it is gone. */
  seenAt?: Date;
}

export function thisReplica(now: number, release?: string): Replica {
  return {
    id: randomUUID(),
    host: hostname(),
    pid: process.pid,
    startedAt: new Date(now),
    ...(release !== undefined && { release }),
  };
}
