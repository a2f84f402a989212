import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../../core/testing/manual-clock.js';
import { type BatchSink } from './batch-sink.js';
import { BatchWriter, type BatchWriterOptions, type DroppedRows } from './batch-writer.js';

interface Row {
  id: number;
}

/** Keeps what it is given, unless it is told to refuse, to be slow or to be away. */
class FickleSink implements BatchSink<Row> {
  readonly stored: number[] = [];
  readonly batches: number[] = [];
  readonly refused = new Set<number>();
  /** More rows than this at a time take too long. */
  inTime = Infinity;
  readonly endless = new Set<number>();
  away = false;
  hold?: Promise<void>;
  closed = false;

  async write(rows: readonly Row[], signal: AbortSignal): Promise<void> {
    await (this.hold &&
      Promise.race([this.hold, new Promise((_, no) => signal.addEventListener('abort', no))]));
    this.batches.push(rows.length);
    if (this.away) throw new Error('Connection terminated unexpectedly');
    const ids = rows.map(({ id }) => id);
    if (rows.length > this.inTime || ids.some((id) => this.endless.has(id))) throw databaseError('57014');
    const bad = ids.find((id) => this.refused.has(id));
    if (bad !== undefined) throw databaseError('22P02', `row ${bad}`);
    this.stored.push(...ids);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

function databaseError(code: string, message = 'canceling statement due to statement timeout'): Error {
  return Object.assign(new Error(message), { code, severity: 'ERROR' });
}

function setup(options: Partial<BatchWriterOptions<Row>> = {}) {
  const clock = new ManualClock();
  const sink = new FickleSink();
  const lost: DroppedRows<Row>[] = [];
  const writer = new BatchWriter<Row>(
    sink,
    { what: 'rows', batchSize: 8, onDropped: (loss) => lost.push(loss), ...options },
    clock,
  );
  const add = (from: number, to: number): void => writer.addAll(rowsOf(from, to));
  return { clock, sink, writer, lost, add };
}

function rowsOf(from: number, to: number): Row[] {
  return Array.from({ length: to - from }, (_, index) => ({ id: from + index }));
}

const NOTHING_DROPPED = { overflow: 0, refused: 0, closed: 0 };

describe('BatchWriter', () => {
  beforeAll(() => Logger.overrideLogger(false));
  afterAll(() => Logger.overrideLogger(['error', 'warn', 'log']));

  it('writes what comes together as one batch, a second later at the latest', async () => {
    const { clock, sink, add, writer } = setup();
    add(0, 3);
    await clock.advance(999);
    expect(sink.batches).toEqual([]);
    add(3, 5);
    await clock.advance(1);
    expect(sink.batches).toEqual([5]);
    expect(writer.counts()).toEqual({
      buffered: 0, written: 5, dropped: NOTHING_DROPPED, unreachable: false,
    }); // prettier-ignore
  });

  it('does not wait when there is a whole batch', async () => {
    const { clock, sink, add } = setup();
    add(0, 20);
    await clock.advance(0);
    expect(sink.batches).toEqual([8, 8, 4]);
    expect(sink.stored).toEqual(rowsOf(0, 20).map(({ id }) => id));
  });

  it('writes rows that come while it writes', async () => {
    const { clock, sink, add } = setup();
    add(0, 8);
    queueMicrotask(() => add(8, 10));
    await clock.advance('1s');
    add(10, 11);
    await clock.advance('1s');
    expect(sink.stored).toEqual(rowsOf(0, 11).map(({ id }) => id));
  });

  it('flush resolves when all is written', async () => {
    const { sink, add, writer } = setup();
    await writer.flush();
    add(0, 3);
    await writer.flush();
    expect(sink.stored).toEqual([0, 1, 2]);
  });

  it.each([[[0]], [[7]], [[3, 4]], [rowsOf(0, 8).map(({ id }) => id)]])(
    'loses the rows %j of a batch that the database refuses, and no other',
    async (bad) => {
      const { sink, add, writer, lost } = setup();
      for (const id of bad) sink.refused.add(id);
      add(0, 16);
      await writer.flush();
      expect(sink.stored).toEqual(rowsOf(0, 16).flatMap(({ id }) => (bad.includes(id) ? [] : [id])));
      expect(lost.flatMap(({ rows }) => rows.map(({ id }) => id))).toEqual(bad);
      expect(lost.map(({ reason, error }) => [reason, String(error)])).toEqual(
        bad.map((id) => ['refused', `Error: row ${id}`]),
      );
      expect(writer.counts()).toMatchObject({ buffered: 0, written: 16 - bad.length });
    },
  );

  it('finds one bad row in a batch of n with about 2 log n writes', async () => {
    const { sink, add, writer } = setup({ batchSize: 1024 });
    sink.refused.add(700);
    add(0, 1024);
    await writer.flush();
    expect(sink.batches.length).toBe(1 + 2 * 10);
  });

  it('keeps everything while the database is away, and tries again after 100 ms, at last every 5 s', async () => {
    const { clock, sink, add, writer, lost } = setup();
    sink.away = true;
    add(0, 20);
    await clock.advance('1m');
    expect(sink.batches.length).toBeGreaterThan(60 / 5);
    expect(sink.batches.length).toBeLessThan(7 + 60 / 2.5);
    expect(writer.counts()).toMatchObject({ buffered: 20, written: 0, unreachable: true });
    sink.away = false;
    await clock.advance('5s');
    expect(sink.stored).toEqual(rowsOf(0, 20).map(({ id }) => id));
    expect(writer.counts()).toMatchObject({ buffered: 0, written: 20, unreachable: false });
    expect(lost).toEqual([]);
  });

  it('drops the oldest and counts them when rows come faster than they are written', async () => {
    const { clock, sink, add, writer, lost } = setup({ maxBuffered: 20 });
    sink.away = true;
    for (let from = 0; from < 100; from += 10) {
      add(from, from + 10);
      await clock.advance('1s');
    }
    expect(writer.counts()).toMatchObject({ buffered: 20, dropped: { ...NOTHING_DROPPED, overflow: 80 } });
    expect(lost.flatMap(({ rows }) => rows.map(({ id }) => id))).toEqual(rowsOf(0, 80).map(({ id }) => id));
    sink.away = false;
    await clock.advance('5s');
    expect(sink.stored).toEqual(rowsOf(80, 100).map(({ id }) => id));
  });

  it('holds no more than it may while a write hangs', async () => {
    const { clock, sink, add, writer } = setup({ maxBuffered: 20 });
    let release = (): void => {};
    sink.hold = new Promise((resolve) => (release = resolve));
    add(0, 8);
    await clock.advance(0);
    add(8, 100);
    expect(writer.counts()).toMatchObject({ buffered: 20, dropped: { overflow: 80 } });
    release();
    await clock.advance('1s');
    expect(sink.stored).toEqual([0, 1, 2, 3, 4, 5, 6, 7, ...rowsOf(88, 100).map(({ id }) => id)]);
  });

  it('writes less at a time when a batch takes too long, and more again later', async () => {
    const { clock, sink, add } = setup();
    sink.inTime = 3;
    add(0, 16);
    await clock.advance('5s');
    expect(sink.stored).toEqual(rowsOf(0, 16).map(({ id }) => id));
    sink.inTime = Infinity;
    sink.batches.length = 0;
    add(16, 48);
    await clock.advance('5s');
    expect(sink.batches.at(-1)).toBe(8);
  });

  it('gives up a row that takes too long by itself five times, and no other', async () => {
    const { clock, sink, add, lost } = setup();
    sink.endless.add(5);
    add(0, 16);
    await clock.advance('30s');
    expect(sink.stored).toEqual(rowsOf(0, 16).flatMap(({ id }) => (id === 5 ? [] : [id])));
    expect(lost).toMatchObject([{ reason: 'refused', rows: [{ id: 5 }] }]);
  });

  it('writes several batches at a time when it is told to', async () => {
    const { clock, sink, add } = setup({ writesAtOnce: 2 });
    let release = (): void => {};
    sink.hold = new Promise((resolve) => (release = resolve));
    add(0, 24);
    await clock.advance(0);
    release();
    await clock.advance(0);
    expect(sink.batches).toEqual([8, 8, 8]);
    expect([...sink.stored].sort((a, b) => a - b)).toEqual(rowsOf(0, 24).map(({ id }) => id));
  });

  it('close writes the rest', async () => {
    const { sink, add, writer } = setup();
    add(0, 3);
    expect(await writer.close()).toMatchObject({ written: 3, dropped: NOTHING_DROPPED });
    expect(sink.closed).toBe(true);
  });

  it('close breaks a write that does not heed its signal, by closing the sink, and counts its rows as lost', async () => {
    const { clock, sink, add, writer } = setup();
    let broken!: (error: Error) => void;
    sink.write = () => new Promise((_, reject) => (broken = reject));
    sink.close = () => Promise.resolve(broken(new Error('Connection terminated')));
    add(0, 3);
    const closing = writer.close(3_000);
    await clock.advance('4s');
    expect(await closing).toMatchObject({ buffered: 0, dropped: { closed: 3 } });
  });

  it.each(['away', 'hanging'])(
    'close says how many rows are lost when the database is %s until its deadline',
    async (how) => {
      const { clock, sink, add, writer, lost } = setup();
      if (how === 'away') sink.away = true;
      else sink.hold = new Promise(() => {});
      add(0, 20);
      const flushing = writer.flush();
      const closing = writer.close(3_000);
      await clock.advance('3s');
      expect(await closing).toMatchObject({ buffered: 0, written: 0, dropped: { closed: 20 } });
      expect(lost.flatMap(({ rows }) => rows)).toEqual(rowsOf(0, 20));
      await flushing;
      add(20, 22);
      expect(writer.counts().dropped.closed).toBe(22);
    },
  );

  it('close finishes when the database is back before its deadline', async () => {
    const { clock, sink, add, writer } = setup();
    sink.away = true;
    add(0, 20);
    const closing = writer.close(3_000);
    await clock.advance('1s');
    sink.away = false;
    await clock.advance('2s');
    expect(await closing).toMatchObject({ written: 20, dropped: NOTHING_DROPPED });
  });

  it('knows where every row is, whatever happens and in whatever order', async () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ away: fc.boolean() }),
      fc.record({ inTime: fc.constantFrom(1, 3, Infinity) }),
      fc.record({ pass: fc.constantFrom(0, 50, 1_000, 10_000) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.constantFrom(1, 2),
        async (steps, writesAtOnce) => {
          const { clock, sink, add, writer, lost } = setup({ maxBuffered: 50, writesAtOnce });
          let next = 0;
          for (const one of steps) {
            if ('add' in one) {
              for (let id = next; id < next + one.add; id++) if (id % 7 === 3) sink.refused.add(id);
              add(next, (next += one.add));
            } else if ('away' in one) sink.away = one.away;
            else if ('inTime' in one) sink.inTime = one.inTime;
            else await clock.advance(one.pass);
            const { buffered, written, dropped } = writer.counts();
            expect(buffered).toBeLessThanOrEqual(50);
            expect(buffered + written + dropped.overflow + dropped.refused).toBe(next);
          }
          sink.away = false;
          sink.inTime = Infinity;
          await clock.advance('10s');
          await writer.close();
          const ids = [...sink.stored, ...lost.flatMap(({ rows }) => rows.map(({ id }) => id))];
          expect(ids.sort((a, b) => a - b)).toEqual(rowsOf(0, next).map(({ id }) => id));
          expect(writer.counts()).toMatchObject({ buffered: 0, written: sink.stored.length });
        },
      ),
      { numRuns: 60 },
    );
  });
});
