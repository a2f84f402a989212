import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Members } from '../../coordination/coordinator.js';
import { CoordinatorClock } from './coordinator-clock.js';
import { LocalCoordinator } from '../../coordination/local.coordinator.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { Membership } from './membership.js';

/** The way of one replica to a coordinator that others know too. */
class Line extends LocalCoordinator {
  calls = 0;
  broken = false;

  constructor(
    clock: ManualClock,
    private readonly far: LocalCoordinator,
  ) {
    super(clock);
  }

  override async announce(replica: string | undefined, absentAfter: number): Promise<Members> {
    this.calls++;
    if (this.broken) throw new Error('the line is broken');
    return this.far.announce(replica, absentAfter);
  }
}

describe('Membership', () => {
  let clock: ManualClock;
  let far: LocalCoordinator;
  beforeEach(() => {
    clock = new ManualClock();
    far = new LocalCoordinator(clock);
  });

  const join = async (replica: string, claims = true) => {
    const line = new Line(clock, far);
    const own = { claims, changes: 0, errors: [] as unknown[] };
    const membership = new Membership(
      {
        coordinator: line,
        clock: new CoordinatorClock(clock),
        reached: (error) => error && own.errors.push(error),
      },
      replica,
      { claims: () => own.claims, mayExit: () => false, changed: () => own.changes++ },
    );
    await membership.open();
    /** Who is the first in line for one or the other of a hundred workers. */
    const firsts = () => [...new Set(Array.from({ length: 100 }, (_, i) => membership.firstInLine(`w${i}`)))];
    return { membership, line, own, firsts: () => firsts().toSorted() };
  };

  it('knows nobody at first', async () => {
    const a = await join('a');
    expect(a.firsts()).toEqual([undefined]);
  });

  it('knows who was there before it', async () => {
    await join('a');
    await clock.advance('1s');
    expect((await join('b')).firsts()).toEqual(['a']);
  });

  it('is known to the others within half a second', async () => {
    const a = await join('a');
    await clock.advance('1s');
    await join('b');
    await clock.advance('500ms');
    expect(a.firsts()).toEqual(['a', 'b']);
  });

  it('is not, nor does it ask, while it claims nothing', async () => {
    const a = await join('a');
    const b = await join('b', false);
    await clock.advance('5s');
    expect([a.firsts(), b.line.calls]).toEqual([['a'], 1]);
    b.own.claims = true;
    await clock.advance('500ms');
    expect([a.firsts(), b.firsts()]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('says once that somebody has come or gone', async () => {
    const a = await join('a');
    await join('b');
    await clock.advance('500ms');
    const before = a.own.changes;
    expect(before).toBeGreaterThan(0);
    await clock.advance('5s');
    expect(a.own.changes).toBe(before);
  });

  it('is gone for the others in less than a second after its death, and not at once', async () => {
    const a = await join('a');
    const b = await join('b');
    await clock.advance('5s');
    b.line.broken = true;
    await clock.advance('400ms');
    expect(a.firsts()).toEqual(['a', 'b']);
    await clock.advance('300ms');
    expect(a.firsts()).toEqual(['a']);
  });

  it('is still there when one announcement has failed, which is told', async () => {
    const a = await join('a');
    const b = await join('b');
    await clock.advance('5s');
    b.line.broken = true;
    await clock.advance('200ms');
    b.line.broken = false;
    expect(b.own.errors).toEqual([new Error('the line is broken')]);
    for (let i = 0; i < 10; i++) {
      await clock.advance('100ms');
      expect(a.firsts()).toEqual(['a', 'b']);
    }
  });

  it('cannot be opened when the coordinator cannot be reached', async () => {
    const line = new Line(clock, far);
    line.broken = true;
    const membership = new Membership(
      { coordinator: line, clock: new CoordinatorClock(clock), reached: () => {} },
      'a',
      { claims: () => true, mayExit: () => false, changed: () => {} },
    );
    await expect(membership.open()).rejects.toThrow('the line is broken');
  });

  it('says nothing more once it is closed', async () => {
    const a = await join('a');
    await clock.advance('1s');
    await a.membership.close();
    const { calls } = a.line;
    await clock.advance('5s');
    expect(a.line.calls).toBe(calls);
  });
});
