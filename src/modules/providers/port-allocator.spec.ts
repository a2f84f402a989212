import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { PortAllocator } from './port-allocator.js';

describe('PortAllocator', () => {
  it('gives ports that can be listened on, below those of outgoing connections, each once', async () => {
    const ports = new PortAllocator<string>();
    const given = await Promise.all(Array.from({ length: 50 }, (_, n) => ports.allocate(`owner ${n}`)));
    expect(new Set(given).size).toBe(50);
    for (const port of given) {
      expect(port).toBeGreaterThanOrEqual(20_000);
      expect(port).toBeLessThan(32_768);
    }
    const server = createServer().listen(given[0], '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
  });

  it('gives no port that somebody owns or listens on', async () => {
    const ports = new PortAllocator<string>();
    const server = createServer().listen(await ports.allocate('x'), '127.0.0.1');
    await once(server, 'listening');
    ports.release('x');
    const { port: taken } = server.address() as { port: number };
    const owned = taken === 32_767 ? 20_000 : taken + 1;
    // All others are somebody's, so that only these two are left to choose from.
    for (let port = 20_000; port < 32_768; port++)
      if (port !== taken && port !== owned) ports.keep(port, 'others');
    expect(await ports.allocate('y')).toBe(owned);
    await expect(ports.allocate('z')).rejects.toThrow(/No port between 20000 and 32767 is free/);
    ports.release('y');
    expect(await ports.allocate('z')).toBe(owned);
    server.close();
    await once(server, 'close');
  });
});
