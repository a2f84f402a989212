import { z } from 'zod';
import { shown } from './input.js';

/** A whole number within these limits, both included. */
export function count(least: number, most = Infinity) {
  const limits = most === Infinity ? `of ${least} or more` : `from ${least} to ${most}`;
  const error = ({ input }: { input?: unknown }) => `${shown(input)} is not a whole number ${limits}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}
