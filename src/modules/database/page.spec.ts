import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { InvalidInputError } from '../input/input.errors.js';
import { TenantEntity } from '../tenants/tenant.entity.js';
import { assertPages } from '../testing/assert-pages.js';
import { everyItem, findPage, mapPage, type PageQuery } from './page.js';

describe('pages', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());
  beforeEach(() => database.dataSource.query('TRUNCATE tenants'));

  const insert = async (createdAt: string): Promise<TenantId> => {
    const id = newId('tenant');
    await database.dataSource.query('INSERT INTO tenants VALUES ($1, $1, $2)', [id, createdAt]);
    return id;
  };
  const ids = async (query: PageQuery) => {
    const rows = database.dataSource.getRepository(TenantEntity).createQueryBuilder('tenant');
    return mapPage(await findPage(rows, query), ({ id }) => id);
  };

  it('are ordered by age, and by id where several are of one millisecond', async () => {
    const old = await Promise.all(Array.from({ length: 5 }, () => insert('2026-01-01T00:00:00.001Z')));
    const older = await insert('2026-01-01T00:00:00.000999Z');
    const oldest = await insert('2025-12-31T00:00:00Z');
    // PostgreSQL rounds microseconds to the millisecond: `older` is one of the five's.
    await assertPages(ids, [oldest, ...[...old, older].toSorted()]);
  });

  it('neither repeat nor hide anything when rows come and go between them', async () => {
    const [first, second, third] = [
      await insert('2026-01-01T00:00:01Z'),
      await insert('2026-01-01T00:00:02Z'),
      await insert('2026-01-01T00:00:03Z'),
    ];
    const page = await ids({ limit: 2 });
    expect(page.items).toEqual([first, second]);
    await insert('2026-01-01T00:00:00Z');
    await database.dataSource.query('DELETE FROM tenants WHERE id = $1', [second]);
    expect(await ids({ limit: 2, after: page.next })).toEqual({ items: [third], next: undefined });
  });

  it('of nothing are empty, and the last', async () => {
    expect(await ids({})).toEqual({ items: [], next: undefined });
  });

  it('hold 100 unless told otherwise', async () => {
    for (let n = 0; n < 101; n++) await insert('2026-01-01T00:00:00Z');
    const page = await ids({});
    expect(page.items).toHaveLength(100);
    expect(page.next).toBeDefined();
    const all: TenantId[] = [];
    for await (const id of everyItem((after) => ids({ after }))) all.push(id);
    expect(new Set(all).size).toBe(101);
  });

  it.each(['x', '', '2026-01-01T00:00:00.000Z', `2026-13-01T00:00:00.000Z,${newId('tenant')}`, "', '1"])(
    'refuse %j as a position, and show it',
    async (after) => {
      await expect(ids({ after })).rejects.toThrow(InvalidInputError);
      await expect(ids({ after })).rejects.toThrow(`after: ${JSON.stringify(after)} is not the`);
    },
  );

  it('say which limits there are', async () => {
    await expect(ids({ limit: 1_001 })).rejects.toThrow('limit: 1001 is not a whole number from 1 to 1000');
  });
});
