import { describe, expect, it } from '@jest/globals';
import { KeyedQueue } from './keyed-queue.js';

describe('KeyedQueue', () => {
  function gate(): { open: () => void; opened: Promise<void> } {
    let open = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    return { open, opened };
  }

  it('runs the tasks of one key one after the other, in order', async () => {
    const queue = new KeyedQueue<string>();
    const log: string[] = [];
    const first = gate();
    const tasks = [
      queue.run('a', async () => {
        log.push('first begins');
        await first.opened;
        log.push('first ends');
      }),
      queue.run('a', async () => void log.push('second')),
      queue.run('b', async () => void log.push('of another key')),
    ];
    await tasks[2];
    expect(log).toEqual(['first begins', 'of another key']);
    first.open();
    await Promise.all(tasks);
    expect(log).toEqual(['first begins', 'of another key', 'first ends', 'second']);
  });

  it('gives each caller what its task gives, and goes on after one that fails', async () => {
    const queue = new KeyedQueue<string>();
    const failing = queue.run('a', () => Promise.reject(new Error('no')));
    const next = queue.run('a', () => Promise.resolve(42));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe(42);
  });

  it('lets a waiting task be called off at once, without being run, and nobody pass the one before it', async () => {
    const queue = new KeyedQueue<string>();
    const log: string[] = [];
    const first = gate();
    const running = queue.run('a', async () => {
      await first.opened;
      log.push('first');
    });
    const controller = new AbortController();
    const waiting = queue.run('a', async () => void log.push('second'), controller.signal);
    const last = queue.run('a', async () => void log.push('third'));
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(log).toEqual([]);
    first.open();
    await Promise.all([running, last]);
    expect(log).toEqual(['first', 'third']);
  });

  it('runs nothing for a signal that has aborted already', async () => {
    const log: string[] = [];
    const reason = new Error('enough');
    const call = new KeyedQueue<string>().run(
      'a',
      async () => void log.push('ran'),
      AbortSignal.abort(reason),
    );
    await expect(call).rejects.toBe(reason);
    expect(log).toEqual([]);
  });
});
