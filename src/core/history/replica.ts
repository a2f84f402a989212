import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/** One running process of the application, as its runs name it. */
export interface Replica {
  /** UUID, new at every start. */
  id: string;
  host: string;
  pid: number;
  startedAt: Date;
  /** Release of the application that it runs; absent when that does not say which it is. */
  release?: string;
}

/** A replica as the history knows it. */
export interface KnownReplica extends Replica {
  /** It has not signed off, and has said lately that it lives. */
  alive: boolean;
  /** When it last said so; absent when it is gone. */
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
