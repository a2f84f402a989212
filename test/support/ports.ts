import { createServer, type Server, type AddressInfo } from 'node:net';

/** Listens on a free port of 127.0.0.1. */
export function listening(server: Pick<Server, 'listen' | 'address' | 'once'>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** A port of 127.0.0.1 where nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
