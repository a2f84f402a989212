import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { readFloats } from './float-array.js';

describe('readFloats', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => void (database = await openControlPlaneDatabase()));
  afterAll(() => database.close());

  it.each([
    ['{}', []],
    ['{NULL}', [null]],
    ['{1,NULL,-2.5,1e300,0.1,NULL}', [1, null, -2.5, 1e300, 0.1, null]],
    ['{Infinity,-Infinity,NaN,-0}', [Infinity, -Infinity, NaN, -0]],
  ])('reads what PostgreSQL sends of %s', async (array, numbers) => {
    const [{ sent }] = await database.dataSource.query<[{ sent: Buffer }]>(
      'SELECT array_send($1::float8[]) AS sent',
      [array],
    );
    expect(readFloats(sent)).toEqual(numbers);
  });
});
