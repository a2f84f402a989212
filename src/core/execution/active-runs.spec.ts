import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Run } from '../history/run.js';
import { ActiveRun, type ActiveRunParts } from './active-run.js';
import { ActiveRuns } from './active-runs.js';

describe('ActiveRuns', () => {
  it('holds what was added and not deleted, in whatever order that came', () => {
    const steps = fc.array(fc.record({ ends: fc.boolean(), which: fc.nat() }));
    fc.assert(
      fc.property(steps, (taken) => {
        const active = new ActiveRuns();
        const expected: ActiveRun[] = [];
        for (const { ends, which } of taken) {
          if (ends && expected.length > 0) active.delete(expected.splice(which % expected.length, 1)[0]!);
          else {
            const run = new ActiveRun({} as Run, undefined, {} as ActiveRunParts);
            expected.push(run);
            active.add(run);
          }
          expect(active.size).toBe(expected.length);
          expect(new Set(active)).toEqual(new Set(expected));
        }
      }),
    );
  });
});
