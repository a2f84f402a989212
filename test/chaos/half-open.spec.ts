import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { temporaryDirectories } from '../support/temporary-directory.js';
import { findViolations } from './audit.js';
import { findOverlaps } from './overlaps.js';
import { type Replica, readJournal } from './replica.js';
import { Replicas } from './replicas.js';

const QUICK = Array.from({ length: 8 }, (_, i) => ({ name: `quick-${i}`, interval: 500, takes: 20 }));
/** Who is in the middle of one when the packets vanish cannot renew its lease. */
const LONG = { name: 'long', interval: 1_000, takes: 10_000 };

describe('a replica whose packets to PostgreSQL vanish, and no connection is closed', () => {
  const directory = temporaryDirectories(afterAll);
  let database: TestDatabase;
  let proxy: TcpProxy;
  let replicas: Replicas;
  let cutOff: Replica;
  let other: Replica;

  beforeAll(async () => {
    database = await createTestDatabase();
    const through = await TcpProxy.before(database.url);
    proxy = through.proxy;
    replicas = await Replicas.prepare({
      url: database.url,
      checkout: builtCheckout(),
      directory: await directory(),
      workers: [...QUICK, LONG],
    });
    cutOff = await replicas.start({ url: through.url });
    await eventually(() => notesOf(cutOff).some(({ worker }) => worker === LONG.name), 30_000);
    other = await replicas.start();
  });
  afterAll(async () => {
    await replicas.destroy();
    await proxy.close();
    await database.drop();
  });

  const notesOf = ({ options }: Replica) => readJournal(options.journal);
  const startsOf = (replica: Replica) => notesOf(replica).filter(({ what }) => what === 'start').length;

  it('is noticed there, its run is aborted, and the other one does the work', async () => {
    proxy.blackHole();
    await cutOff.said(/The coordination cannot be reached.*did not answer within 2500 ms/);
    await eventually(
      () => notesOf(cutOff).some(({ what, reason }) => what === 'abort' && reason === 'LeaseLostError'),
      30_000,
    );
    await eventually(() => notesOf(other).some(({ worker }) => worker === LONG.name), 30_000);
    const before = startsOf(other);
    await eventually(() => startsOf(other) > before + QUICK.length, 30_000);
  });

  it('does not last: the work goes on over new connections when packets come through again', async () => {
    const before = startsOf(cutOff);
    proxy.restore();
    await eventually(() => startsOf(cutOff) > before + QUICK.length, 30_000);
    expect(cutOff.ended).toBe(false);
  });

  it('costs no slot its run twice, and lets no two runs overlap', async () => {
    await replicas.drainAll();
    expect(await findViolations(replicas.pool)).toEqual([]);
    expect(findOverlaps(replicas.notes())).toEqual([]);
  });
});
