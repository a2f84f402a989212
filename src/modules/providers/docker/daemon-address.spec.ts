import { describe, expect, it } from '@jest/globals';
import { addressOf } from './daemon-address.js';

describe('the address of a daemon', () => {
  it.each([
    'unix:///run/podman/podman.sock',
    'tcp://127.0.0.1:2375',
    'tcp://127.0.1.1:2375',
    'http://localhost:2375',
    'tcp://[::1]:2375',
  ])('is of this host for %s, which publishes ports for this host alone', (host) => {
    expect(addressOf({ host })).toMatchObject({
      isLocal: true,
      publishOn: '127.0.0.1',
      reachAt: '127.0.0.1',
    });
  });

  it.each([
    ['tcp://10.0.0.7:2376', '10.0.0.7'],
    ['https://docker.example.com:2376', 'docker.example.com'],
    ['tcp://1270.example.com:2376', '1270.example.com'],
  ])('is of another host for %s, at which its instances are reached', (host, reachAt) => {
    expect(addressOf({ host })).toMatchObject({ isLocal: false, publishOn: '0.0.0.0', reachAt });
  });

  it('gives way to what the options say', () => {
    const host = 'tcp://10.0.0.7:2376';
    expect(addressOf({ host, publishOn: '10.0.0.7', reachAt: 'web.example.com' })).toMatchObject({
      publishOn: '10.0.0.7',
      reachAt: 'web.example.com',
    });
  });
});
