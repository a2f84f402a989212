import { describe, expect, it } from '@jest/globals';
import { EgressPolicy } from './egress-policy.js';
import { EgressDeniedError, InvalidNetworkError } from './network-policy.errors.js';

describe('the egress policy', () => {
  const policy = new EgressPolicy();

  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['0.0.0.0', 'this host'],
    ['10.0.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'shared'],
    ['169.254.169.254', 'the metadata service of clouds'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'this host'],
    ['::1', 'loopback'],
    ['fe80::1%eth0', 'link-local, with its zone'],
    ['fd00:ec2::254', 'the metadata service of a cloud'],
    ['::ffff:127.0.0.1', 'mapped loopback'],
    ['::ffff:a9fe:a9fe', 'mapped link-local, in hexadecimal'],
    ['::127.0.0.1', 'compatible loopback'],
    ['64:ff9b::10.0.0.1', 'private behind NAT64'],
    ['2002:7f00:1::', 'loopback behind 6to4'],
    ['::ffff:0:127.0.0.1', 'translated loopback'],
    ['168.63.129.16', 'the metadata service of Azure'],
    ['3fff::1', 'documentation'],
    ['5f00::1', 'segment routing'],
    ['localhost', 'a name, which is no address'],
    ['', 'nothing'],
  ])('denies %s (%s)', (address) => {
    expect(policy.allows(address)).toBe(false);
    expect(() => policy.check(address, 'example.com')).toThrow(EgressDeniedError);
  });

  it.each([
    '1.1.1.1',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700:4700::1111',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
    '::ffff:0:8.8.8.8',
  ])('lets %s be reached', (address) => expect(policy.allows(address)).toBe(true));

  it('lets what is allowed be reached, and nothing beside it, unless it is denied as well', () => {
    const lenient = new EgressPolicy({
      allow: ['127.0.0.1', '10.1.0.0/16', 'fd00::/8'],
      deny: ['10.1.2.0/24'],
    });
    const reached = [
      '127.0.0.1',
      '127.0.0.2',
      '10.1.3.4',
      '10.1.2.4',
      '10.2.0.1',
      'fd12::1',
      '::ffff:127.0.0.1',
    ];
    expect(reached.filter((address) => lenient.allows(address))).toEqual([
      '127.0.0.1',
      '10.1.3.4',
      'fd12::1',
      '::ffff:127.0.0.1',
    ]);
    expect(new EgressPolicy({ deny: ['1.1.1.1'] }).allows('1.1.1.1')).toBe(false);
  });

  it('denies what carries an IPv4 address when its own network is denied', () => {
    const strict = new EgressPolicy({ deny: ['64:ff9b::/96', '2002::/16', '::ffff:9.9.9.9'] });
    const asked = ['64:ff9b::8.8.8.8', '2002:808:808::1', '::ffff:9.9.9.9', '::ffff:8.8.8.8'];
    expect(asked.filter((address) => strict.allows(address))).toEqual(['::ffff:8.8.8.8']);
  });

  it('keeps of the addresses of a name those that may be reached, and says what it is when there is none', () => {
    const addresses = [
      { address: '10.0.0.1', family: 4 },
      { address: '1.1.1.1', family: 4 },
    ];
    expect(policy.permitted('example.com', addresses)).toEqual([addresses[1]]);
    expect(() => policy.permitted('internal.example.com', addresses.slice(0, 1))).toThrow(
      'internal.example.com is 10.0.0.1, which is a loopback, private or otherwise reserved address',
    );
  });

  it.each(['10.0.0.0/33', 'fd00::/129', 'example.com', '', '10.0.0.0/8/8', '10.0.0.0/x', '10.0.0.0/'])(
    'refuses %j in a list, and shows it',
    (network) => {
      expect(() => new EgressPolicy({ allow: [network] })).toThrow(InvalidNetworkError);
      expect(() => new EgressPolicy({ allow: [network] })).toThrow(JSON.stringify(network));
    },
  );
});
