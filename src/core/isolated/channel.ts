import { parentPort } from 'node:worker_threads';
import { type ToChild, type ToParent } from '../isolation/messages.js';

/** The way to the application, from a thread or a child process. */
export interface Channel {
  /** @throws DataCloneError for what cannot be copied */
  post(message: ToParent): void;
  /** Called for each message from now on, also for those that came before. */
  listen(listener: (message: ToChild) => void): void;
}

/** @throws Error when this program was not started as a child */
export function openChannel(): Channel {
  const port = parentPort;
  if (port)
    return {
      post: (message) => port.postMessage(message),
      listen: (listener) => void port.on('message', listener),
    };
  if (!process.send) throw new Error('This program is started by an application, for its isolated workers');
  return {
    post: (message) => {
      if (process.connected) process.send!(message, undefined, undefined, () => {});
    },
    listen: (listener) => void process.on('message', (message) => listener(message as ToChild)),
  };
}
