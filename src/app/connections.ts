import { type Server, type Socket } from 'node:net';
import { startTimer } from '../core/timing/timer.js';

/**
 * Closes what clients hold open, also those who have connected and said nothing, whom an HTTP server waits for when
 * it closes. To be called when the server listens.
 * @returns closes all connections when this many milliseconds have passed, and those that come later at once
 */
export function connectionsOf(server: Server): { closeIn(ms: number): void } {
  const open = new Set<Socket>();
  let closed = false;
  server.on('connection', (socket: Socket) => {
    if (closed) return void socket.destroy();
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  const close = () => {
    closed = true;
    for (const socket of open) socket.destroy();
  };
  // It may be all that is left to wait for, so that it must keep the process.
  return { closeIn: (ms) => void startTimer(close, ms) };
}
