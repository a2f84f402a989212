import { beforeEach, describe, expect, it } from '@jest/globals';
import { Outages } from './outages.js';
import { StoreRefusedError } from './store-refused.error.js';

const AWAY = new Error('connection refused');
const REFUSED = new StoreRefusedError('no such table', 'state');

describe('Outages', () => {
  let now: number;
  let said: string[];
  let outages: Outages<'claims' | 'heartbeats'>;
  beforeEach(() => {
    now = 0;
    said = [];
    const say = (text: string) => void said.push(text);
    outages = new Outages(
      { monotonic: () => now },
      { log: say, error: say },
      {
        unreachable: (reason) => `away: ${reason}`,
        reachable: () => 'back',
        refused: (operation, reason) => `${operation} refused: ${reason}`,
        accepted: (operation) => `${operation} accepted`,
      },
    );
  });

  it('says once that the store cannot be reached, and once that it can, when every operation has got through', () => {
    for (let i = 0; i < 3; i++) {
      outages.failed('claims', AWAY);
      outages.failed('heartbeats', AWAY);
    }
    expect(outages.state).toBe('unreachable');
    outages.succeeded('heartbeats');
    expect(outages.state).toBe('unreachable');
    outages.succeeded('claims');
    expect(outages.state).toBe('ok');
    expect(said).toEqual(['away: connection refused', 'back']);
  });

  it('is not taken in by an operation that gets through while another one is refused', () => {
    for (let i = 0; i < 3; i++) {
      outages.failed('claims', REFUSED);
      outages.succeeded('heartbeats');
      expect([outages.state, outages.refused]).toEqual(['refused', ['claims']]);
    }
    outages.succeeded('claims');
    expect([outages.state, outages.refused]).toEqual(['ok', []]);
    expect(said).toEqual(['claims refused: no such table', 'claims accepted']);
  });

  it('is not taken in by the same operation for another one', () => {
    outages.failed('claims', AWAY, 'a');
    outages.succeeded('claims', 'b');
    expect(outages.state).toBe('unreachable');
    outages.succeeded('claims', 'a');
    expect(said).toEqual(['away: connection refused', 'back']);
  });

  it('tells refusals from outages that follow one another', () => {
    outages.failed('claims', REFUSED);
    outages.failed('claims', AWAY);
    outages.failed('claims', REFUSED);
    outages.succeeded('claims');
    expect(said).toEqual([
      'claims refused: no such table',
      'away: connection refused',
      'back',
      'claims refused: no such table',
      'claims accepted',
    ]);
  });

  it('forgets a failure that nobody has repeated for half a minute', () => {
    outages.failed('claims', AWAY, 'a worker that was taken away');
    now = 30_001;
    expect(outages.state).toBe('ok');
    outages.failed('heartbeats', REFUSED);
    expect(said).toEqual(['away: connection refused', 'back', 'heartbeats refused: no such table']);
  });
});
