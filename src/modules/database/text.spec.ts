import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { storableJson, storableText } from './text.js';

describe('text from outside', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  const nasty = 'a\0b\ud800c💥\u0001\n"\\';

  it('can be stored once it is cleaned, and keeps everything else', async () => {
    const rows = await database.dataSource.query<{ text: string; json: unknown }[]>(
      'SELECT $1::text AS text, $2::jsonb AS json',
      [
        storableText(nasty),
        storableJson({ deep: [nasty, { [nasty]: 1 }], at: new Date(0), n: 1, none: null }),
      ],
    );
    const clean = 'abc💥\u0001\n"\\';
    const at = '1970-01-01T00:00:00.000Z';
    expect(rows).toEqual([{ text: clean, json: { deep: [clean, { [clean]: 1 }], at, n: 1, none: null } }]);
  });

  it('could not be stored as it comes', async () => {
    await expect(database.dataSource.query('SELECT $1::text', [nasty])).rejects.toThrow();
    await expect(database.dataSource.query('SELECT $1::jsonb', [JSON.stringify(nasty)])).rejects.toThrow();
  });

  it('is cut at 2,000 characters, and not in the middle of one', () => {
    expect(storableText('x'.repeat(5_000))).toHaveLength(2_000);
    expect(storableText('x'.repeat(1_999) + '💥')).toBe('x'.repeat(1_999));
  });
});
