import { describe, expect, it } from '@jest/globals';
import { actorOf } from './actor.js';

describe('who a request comes from', () => {
  it.each([
    ['the principal, where it is a text', { user: 'ann' }, { actor: 'ann' }],
    ['its user name before all else', { user: { id: 7, name: 'Ann', username: 'ann' } }, { actor: 'ann' }],
    ['its address', { user: { sub: 'x', email: 'ann@example.com' } }, { actor: 'ann@example.com' }],
    ['the subject of its token', { user: { sub: 'auth0|1', name: '' } }, { actor: 'auth0|1' }],
    ['its number', { user: { id: 0 } }, { actor: '0' }],
    ['the principal, whatever the header says', { user: 'ann', headers: { 'x-workers-actor': 'bob' } }, { actor: 'ann' }],
    ['the header, where there is no principal', { headers: { 'x-workers-actor': 'bob' } }, { actor: 'bob' }],
    ['the header, where the principal has no name', { user: {}, headers: { 'x-workers-actor': 'bob' } }, { actor: 'bob' }],
    ['the header, in UTF-8', { headers: { 'x-workers-actor': Buffer.from('Jörg 名').toString('latin1') } }, { actor: 'Jörg 名' }],
    ['the header, in Latin-1', { headers: { 'x-workers-actor': 'J\u00f6rg' } }, { actor: 'Jörg' }],
    ['nobody', { headers: {} }, {}],
    ['nobody, where the request has nothing', {}, {}],
    ['nobody, where the principal cannot be read', { user: { get name() { throw new Error('x'); } } }, {}],
    ['at most 200 characters of it', { user: 'a'.repeat(300) }, { actor: 'a'.repeat(200) }],
  ])('is %s', (_what, request, expected) => {
    expect(actorOf(request)).toEqual(expected);
  });
}); // prettier-ignore
