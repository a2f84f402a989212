import { LeaseLostError, StaleRunError } from '../coordination/coordination.errors.js';
import { RunAbortedError, RunCancelledError, RunTimeoutError } from '../execution/execution.errors.js';
import { fromWire, type WireError } from '../isolation/wire-error.js';

/** Errors of the framework that a worker may ask for by their class. */
const KNOWN = [LeaseLostError, StaleRunError, RunAbortedError, RunCancelledError, RunTimeoutError];

/** An error of the application, of the class that it has there when it is one of the framework's. */
export function errorOf(wire: WireError): unknown {
  const error = fromWire(wire);
  const known = KNOWN.find(({ name }) => name === wire.name);
  return known && typeof error === 'object' && error !== null
    ? Object.setPrototypeOf(error, known.prototype)
    : error;
}
