import { BadRequestException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { instant, limit, oneOf, QueryPipe, text } from './query.pipe.js';

const pipe = new QueryPipe({
  limit: limit(),
  type: text(),
  outcome: oneOf('failed', 'lost'),
  since: instant(),
});

describe('the query of a request', () => {
  it('is read by the reader of each parameter', () => {
    expect(pipe.transform({})).toEqual({ limit: 50 });
    expect(
      pipe.transform({ limit: '1000', type: '', outcome: 'lost', since: '2030-01-31T12:00:00+01:00' }),
    ).toEqual({ limit: 1_000, type: '', outcome: 'lost', since: new Date('2030-01-31T11:00:00Z') });
  });

  it.each([
    [{ limt: '5' }, 'There is no parameter "limt": there are limit, type, outcome, since'],
    [{ ['__proto__']: '5' }, 'There is no parameter "__proto__"'],
    [{ constructor: 'x' }, 'There is no parameter "constructor"'],
    [{ limit: ['1', '2'] }, 'limit is given more than once'],
    [{ type: { a: 'b' } }, 'type is given more than once'],
    [{ limit: '0' }, 'limit="0" cannot be: give a whole number from 1 to 1000'],
    [{ limit: '' }, 'limit="" cannot be'],
    [{ type: 'a\0' }, 'type="a\\u0000" cannot be'],
    [{ type: 'x'.repeat(1_001) }, 'give at most 1000 characters'],
    [{ outcome: 'toString' }, 'outcome="toString" cannot be: give one of failed, lost'],
    [{ since: '2030-01-31' }, 'give an instant such as'],
    [{ since: '2030-13-31T00:00:00Z' }, 'give an instant such as'],
  ])('is refused: %j', (query, message) => {
    expect(() => pipe.transform(query)).toThrow(BadRequestException);
    expect(() => pipe.transform(query)).toThrow(message);
  });
});
