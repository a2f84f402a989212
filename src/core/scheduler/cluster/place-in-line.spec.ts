import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../testing/manual-clock.js';
import { PlaceInLine } from './place-in-line.js';

const MINUTE = 60_000;

describe('PlaceInLine', () => {
  let clock: ManualClock;
  let line: PlaceInLine;
  beforeEach(() => {
    clock = new ManualClock();
    line = new PlaceInLine('me', clock);
  });

  it('asks at once as long as nobody is known to be there', () => {
    expect(line.turn(1, MINUTE)).toBe('ask');
    line.precededBy(undefined);
    expect(line.turn(1, MINUTE)).toBe('ask');
  });

  it('asks at once when it is the first', () => {
    line.precededBy('me');
    expect(line.turn(1, MINUTE)).toBe('ask');
  });

  describe('behind another one', () => {
    beforeEach(() => line.precededBy('another'));

    it('waits 30 ms for it, then looks, then asks', async () => {
      expect([line.turn(1, MINUTE), line.waits(1)]).toEqual(['wait', 30]);
      await clock.advance('29ms');
      expect([line.turn(1, MINUTE), line.waits(1)]).toEqual(['wait', 1]);
      await clock.advance('1ms');
      expect(line.turn(1, MINUTE)).toBe('look');
      line.looked(1);
      expect(line.turn(1, MINUTE)).toBe('ask');
    });

    it('waits a quarter of a short interval', () => {
      expect([line.turn(1, 100), line.waits(1)]).toEqual(['wait', 25]);
    });

    it('waits for a cron expression as for a long interval', () => {
      expect([line.turn(1, 0), line.waits(1)]).toEqual(['wait', 30]);
    });

    it('waits anew when it was there', async () => {
      line.turn(1, MINUTE);
      await clock.advance('30ms');
      line.looked(2);
      expect([line.waits(2), line.turn(2, MINUTE), line.waits(2)]).toEqual([0, 'wait', 30]);
    });

    it('does not wait again for one that did not ask, until somebody else has', async () => {
      line.turn(1, MINUTE);
      await clock.advance('30ms');
      line.looked(1);
      expect(line.turn(2, MINUTE)).toBe('ask');
      line.overtaken();
      expect(line.turn(3, MINUTE)).toBe('wait');
    });

    it('waits for a third that comes before both', async () => {
      line.turn(1, MINUTE);
      await clock.advance('30ms');
      line.looked(1);
      line.precededBy('a third');
      expect(line.turn(2, MINUTE)).toBe('wait');
    });
  });
});
