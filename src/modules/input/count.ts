import { z } from 'zod';
import { shown } from '../../core/text/shown.js';

/** An option that is a whole number from 1 to that many. */
export function countOption(most: number) {
  const error = ({ input }: { input?: unknown }) =>
    `${typeof input === 'string' ? JSON.stringify(input) : shown(input)} is not a whole number from 1 to ${most}`;
  return z.int({ error }).min(1, { error }).max(most, { error });
}
