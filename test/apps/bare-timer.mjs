// A thread that does nothing but note by how much a timer of 5 ms is late at the most: what the machine does to a process
// that has to be on time. Told anything, it says that, in milliseconds, and ends.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parentPort } from 'node:worker_threads';

const RESOLUTION = 5;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
delay.enable();
parentPort.once('message', () => parentPort.postMessage(delay.max / 1e6 - RESOLUTION));
