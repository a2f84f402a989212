import { describe, expect, it } from '@jest/globals';
import { type CertificateIssuer } from '../../certificates/issuers/certificate-issuer.js';
import { type PreflightFault } from '../../network/domain-preflight.js';
import { permittedIssuer } from './permitted-issuer.js';

describe('the CA that may issue', () => {
  const forbidden: PreflightFault = { name: 'a.example', reason: 'CAA forbids it', forbidden: true };
  const away: PreflightFault = { name: 'a.example', reason: 'leads elsewhere', forbidden: false };
  const ca = (name: string, more: Partial<CertificateIssuer> = {}) =>
    ({
      name,
      validatesNames: true,
      caaIdentities: async () => [name],
      ...more,
    }) as unknown as CertificateIssuer;
  const choose = async (
    all: CertificateIssuer[],
    turn: number,
    faults: Record<string, PreflightFault>,
    signal = new AbortController().signal,
  ) => {
    const preflight = { check: async (_: unknown, [identity]: readonly string[]) => faults[identity ?? ''] };
    const parts = { issuers: { all }, preflight };
    const { issuer, fault } = await permittedIssuer({ names: ['a.example'] }, all[turn]!, parts, signal);
    return [issuer.name, fault];
  };
  const [a, b, c] = [ca('a'), ca('b'), ca('c')];

  it.each([
    ['is the one whose turn it is', 1, {}, ['b', undefined]],
    ['is the next one where CAA forbids that', 1, { b: forbidden }, ['c', undefined]],
    ['is the first one after the last', 2, { c: forbidden }, ['a', undefined]],
    [
      'is the one whose turn it is where all are forbidden, with its fault',
      1,
      { a: forbidden, b: forbidden, c: forbidden },
      ['b', forbidden],
    ],
    ['is none other where the domain leads elsewhere: that is the same for all', 0, { a: away }, ['a', away]],
    ['has the fault of the one that is allowed', 0, { a: forbidden, b: away }, ['b', away]],
  ])('%s', async (_, turn, faults, expected) => {
    expect(await choose([a, b, c], turn, faults as Record<string, PreflightFault>)).toEqual(expected);
  });

  it('is not looked up for one that validates no names, such as a local CA', async () => {
    expect(await choose([ca('local', { validatesNames: false })], 0, { local: away })).toEqual([
      'local',
      undefined,
    ]);
  });

  it('is judged without the identities of a CA that does not tell them, unless the run ends', async () => {
    const silent = ca('silent', { caaIdentities: () => Promise.reject(new Error('unreachable')) });
    expect(await choose([silent], 0, { '': away })).toEqual(['silent', away]);
    const ended = AbortSignal.abort(new Error('shut down'));
    await expect(choose([silent], 0, {}, ended)).rejects.toThrow('shut down');
  });
});
