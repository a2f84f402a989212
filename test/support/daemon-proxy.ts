import { createServer, request as forward, type Server } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What happens to a call: `refuse` answers 500 and the daemon never hears of it, `busy` the same in the words of a daemon whose container
 * has something mounted yet; `lie` lets the daemon do it and answers 500; `hang up` lets the daemon do it and closes the
 * connection; `half` sends the first half of the answer and closes.
 */
export type Treatment = 'pass' | 'refuse' | 'busy' | 'lie' | 'hang up' | 'half';

/** Stands between a client and a daemon, and lets calls fail. */
export interface DaemonProxy {
  host: string;
  /** Every call, as `GET /containers/json`. */
  calls: string[];
  treat: (call: string) => Treatment | Promise<Treatment>;
  close(): Promise<void>;
}

export async function startDaemonProxy(daemonSocket: string): Promise<DaemonProxy> {
  const directory = await mkdtemp(join(tmpdir(), 'ctrlplane-proxy-'));
  const socket = join(directory, 'p.sock');
  const proxy: DaemonProxy = {
    host: `unix://${socket}`,
    calls: [],
    treat: () => 'pass',
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await rm(directory, { recursive: true, force: true });
    },
  };
  const server: Server = createServer((incoming, outgoing) => {
    void (async () => {
      const call = `${incoming.method} ${incoming.url!.split('?')[0]}`;
      proxy.calls.push(call);
      const treatment = await proxy.treat(call);
      const fail = (message = 'something went wrong'): void =>
        void outgoing.writeHead(500).end(JSON.stringify({ message }));
      if (treatment === 'refuse') return fail();
      if (treatment === 'busy') return fail('unlinkat /containers/1/userdata/shm: device or resource busy');
      const upstream = forward(
        { socketPath: daemonSocket, method: incoming.method, path: incoming.url, headers: incoming.headers },
        (answer) => {
          if (treatment === 'pass') {
            outgoing.writeHead(answer.statusCode!, answer.headers);
            outgoing.flushHeaders();
            answer.pipe(outgoing);
            answer.on('error', () => outgoing.destroy());
            outgoing.on('close', () => answer.destroy());
            return;
          }
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () => {
            if (treatment === 'lie') return fail();
            if (treatment === 'hang up') return outgoing.destroy();
            const whole = Buffer.concat(chunks);
            outgoing.writeHead(answer.statusCode!, answer.headers);
            outgoing.write(whole.subarray(0, whole.length / 2), () => outgoing.destroy());
          });
        },
      );
      upstream.on('error', () => outgoing.destroy());
      // As the daemon sees it when a client of its own gives a call up.
      if (treatment === 'pass') outgoing.on('close', () => upstream.destroy());
      incoming.pipe(upstream);
    })();
  });
  await new Promise<void>((listening) => server.listen(socket, listening));
  return proxy;
}
