import pg from 'pg';
import { type Cluster } from './cluster.js';
import { askServer } from './server-connection.js';
import { type ServerProcess } from './server-process.js';

/** Starting, stopping or recovering. */
const CANNOT_CONNECT_NOW = '57P03';

/**
 * Why a server whose process is there serves nobody; undefined when it does. One that refuses us serves others.
 */
export async function whySilent(cluster: Cluster, { pid, port }: ServerProcess): Promise<string | undefined> {
  try {
    await askServer(cluster, port);
    return undefined;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError))
      return `process ${pid} is there and does not answer: it is frozen, or waits for a disk that hangs`;
    return error.code === CANNOT_CONNECT_NOW ? error.message : undefined;
  }
}
