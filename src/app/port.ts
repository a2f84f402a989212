import { once } from 'node:events';
import { createServer } from 'node:net';

/** Somebody else listens there. */
export class PortInUseError extends Error {
  override readonly name = 'PortInUseError';

  constructor(
    readonly host: string,
    readonly port: number,
    /** The variable that says which port. */
    variable = 'PORT',
  ) {
    super(
      `Port ${port} of ${host} is in use, perhaps by this app itself: end that, or set ${variable} to another`,
    );
  }
}

/**
 * Checks a port before anything is started that would have to be taken back.
 * @throws PortInUseError
 */
export async function checkPort(host: string, port: number, variable = 'PORT'): Promise<void> {
  const server = createServer().listen({ host, port, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw portError(error, host, port, variable);
  }
  server.close();
  await once(server, 'close');
}

/** What listening failed with, said so that it helps. */
export function portError(error: unknown, host: string, port: number, variable = 'PORT'): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return new PortInUseError(host, port, variable);
  return error;
}
