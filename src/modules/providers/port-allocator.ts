import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';

// Below the ports that systems give to outgoing connections (Linux from 32768, macOS from 49152): one of
// those could sit on the port of an instance that is being restarted.
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;

/** Gives out TCP ports on the loopback address: each to one owner, who keeps it whether it listens or not. */
export class PortAllocator<Owner> {
  private readonly owners = new Map<number, Owner>();

  /** Notes that the port belongs to the owner, as found on disk. */
  keep(port: number, owner: Owner): void {
    this.owners.set(port, owner);
  }

  /** A port without an owner and without a listener. */
  async allocate(owner: Owner): Promise<number> {
    const count = LAST_PORT - FIRST_PORT + 1;
    const start = randomInt(count);
    for (let step = 0; step < count; step++) {
      const port = FIRST_PORT + ((start + step) % count);
      if (this.owners.has(port)) continue;
      this.owners.set(port, owner); // before looking, or two callers would take the same
      if (await isFree(port)) return port;
      this.owners.delete(port);
    }
    throw new Error(
      `No port between ${FIRST_PORT} and ${LAST_PORT} is free: remove instances that are not needed`,
    );
  }

  /** Whoever has a port. */
  allOwners(): Set<Owner> {
    return new Set(this.owners.values());
  }

  /** All ports of that owner can be given out again. */
  release(owner: Owner): void {
    for (const [port, its] of this.owners) if (its === owner) this.owners.delete(port);
  }
}

/** Whether it has no listener now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
