import { describe, expect, it } from '@jest/globals';
import { latenessOf } from './run.js';

describe('latenessOf', () => {
  it('is how long after it was due a run began', () => {
    const slot = Date.UTC(2026, 0, 1);
    expect(latenessOf({ scheduledAt: new Date(slot), startedAt: new Date(slot + 250) })).toBe(250);
  });
});
