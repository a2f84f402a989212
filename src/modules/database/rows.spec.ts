import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { newId } from '../ids/typed-id.js';
import { TenantEntity } from '../tenants/tenant.entity.js';
import { updated } from './rows.js';

describe('a row that is changed', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    // What a sequence has counted is not rolled back.
    await database.dataSource.query('CREATE SEQUENCE tries');
    await database.dataSource.query(`
      CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF nextval('tries') % 3 > 0 THEN RAISE 'deadlock detected' USING ERRCODE = '40P01'; END IF;
        RETURN NEW;
      END $$`);
    await database.dataSource.query(
      'CREATE TRIGGER meet BEFORE UPDATE ON tenants FOR EACH ROW EXECUTE FUNCTION meet()',
    );
  });
  afterAll(() => database.close());

  const tenant = async () => {
    const id = newId('tenant');
    await database.dataSource.query('INSERT INTO tenants (id, name) VALUES ($1, $1)', [id]);
    return id;
  };
  const rename = (id: string, name: string) =>
    updated(database.transactions.manager().getRepository(TenantEntity), { id: id as never }, { name });
  const tries = async () => {
    const [row] = await database.dataSource.query<{ n: string }[]>('SELECT last_value AS n FROM tries');
    return Number(row!.n);
  };

  it('is changed again after a deadlock when the change stands for itself', async () => {
    const id = await tenant();
    expect(await rename(id, 'by itself')).toMatchObject({ id, name: 'by itself' });
    expect(await tries()).toBe(3);
  });

  it('is changed again as a part of its transaction, which begins anew as a whole', async () => {
    const id = await tenant();
    let begun = 0;
    const renamed = database.transactions.run(async () => {
      begun++;
      return rename(id, 'as a part');
    });
    expect(await renamed).toMatchObject({ id, name: 'as a part' });
    expect(begun).toBe(3);
  });
});
