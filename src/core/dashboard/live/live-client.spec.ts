import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../../test/support/eventually.js';
import { LiveClient } from './live-client.js';

const MB = 1_000_000;
const message = (name: string) => `event: ${name}\ndata: ${'x'.repeat(MB)}\n\n`;

describe('a client of the live stream', () => {
  const server = createServer();
  let socket: Socket;
  let response: ServerResponse;
  let snapshots: number;
  let client: LiveClient;

  beforeEach(async () => {
    snapshots = 0;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const requested = once(server, 'request');
    socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.pause();
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    [, response] = (await requested) as [unknown, ServerResponse];
    client = new LiveClient(response, () => `event: snapshot\ndata: ${++snapshots}\n\n`);
  });
  afterEach(async () => {
    socket.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** More than the kernel takes for both ends of a connection. */
  async function fill(): Promise<void> {
    for (let sent = 0; sent < 100; sent++) {
      client.send(message(`change-${sent}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it('is sent everything while it reads', async () => {
    let read = '';
    socket
      .setEncoding('utf8')
      .on('data', (chunk: string) => (read += chunk))
      .resume();
    for (let n = 0; n < 5; n++) {
      client.send(message(`change-${n}`));
      await eventually(() => read.includes(`change-${n}`) && response.writableLength === 0);
    }
    expect(snapshots).toBe(0);
  });

  it('that does not read costs one message, and gets a snapshot when it reads again', async () => {
    await fill();
    expect(response.writableLength).toBeGreaterThan(0);
    expect(response.writableLength).toBeLessThan(2 * MB);
    let read = '';
    socket
      .setEncoding('utf8')
      .on('data', (chunk: string) => (read += chunk))
      .resume();
    await eventually(() => read.includes('event: snapshot\ndata: 1\n'));
    expect(read).not.toContain('event: change-99\n');
    client.send('event: change\ndata: {}\n\n');
    await eventually(() => read.includes('event: change\n'));
    expect(snapshots).toBe(1);
  });

  it('that does not read is let go at the end', async () => {
    await fill();
    client.end('event: end\n\n');
    expect(response.destroyed).toBe(true);
  });

  it('that has gone is sent nothing', async () => {
    socket.destroy();
    await once(response, 'close');
    client.send(message('change'));
    client.ping();
    expect(response.writableLength).toBe(0);
  });
});
