import { describe, expect, it } from '@jest/globals';
import { newId } from '../../ids/typed-id.js';
import {
  ImageArchitectureError,
  ImageMissingError,
  OutOfResourcesError,
  PortTakenError,
  ProvisionFailedError,
} from '../provider.errors.js';
import { asProvisionFailure } from './docker-failure.js';

/** Words of Docker 20.10 to 29, with both of its stores of images, and of Podman 4 and 5, that no daemon of the tests says. */
describe('what a daemon says when it cannot start a container', () => {
  const id = newId('instance');
  const named = (words: string, statusCode = 500) =>
    asProvisionFailure('docker', id, 'web:1', Object.assign(new Error(words), { statusCode }));

  it.each([
    [
      ImageMissingError,
      'failed to resolve reference "docker.io/library/busybox:nope": docker.io/library/busybox:nope: not found',
    ],
    [
      ImageMissingError,
      'failed to resolve reference "docker.io/library/x:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
    ],
    [
      ImageMissingError,
      'failed to resolve reference "r.example.com/a:1": unexpected status from HEAD request to https://r.example.com/v2/a/manifests/1: 403 Forbidden',
    ],
    [
      ImageMissingError,
      'initializing source docker://localhost:5000/none:1: reading manifest 1 in localhost:5000/none: name unknown: repository name not known to registry',
    ],
    [
      ImageMissingError,
      'short-name "web:1" did not resolve to an alias and no unqualified-search registries are defined in "/etc/containers/registries.conf"',
    ],
    [ImageMissingError, 'Head "https://ghcr.io/v2/shop/web/manifests/1": denied'],
    [ImageMissingError, 'reading manifest 1 in ghcr.io/shop/web: denied: requested access to it is denied'],
    [ImageArchitectureError, 'no match for platform in manifest sha256:0a1b: not found'],
    [
      ImageArchitectureError,
      'image with reference web:1 was found but does not provide the specified platform (linux/amd64)',
    ],
    [OutOfResourcesError, 'write /var/lib/docker/tmp/x: no space left on device'],
    [ProvisionFailedError, 'mkdir /var/lib/x: permission denied'],
    [
      ProvisionFailedError,
      'failed to resolve reference "r.example.com/a:1": unexpected status from HEAD request to https://r.example.com/v2/a/manifests/1: 503 Service Unavailable',
    ],
  ])('is a %p: %s', (kind, words) => {
    expect(named(words).constructor).toBe(kind);
  });

  it.each([
    [
      8080,
      'driver failed programming external connectivity on endpoint web (0a1b): failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use',
    ],
    [8080, 'failed to bind host port 127.0.0.1:8080/tcp: address already in use'],
    [8080, 'failed to bind host port [::1]:8080/tcp: address already in use'],
    [8080, 'Bind for 0.0.0.0:8080 failed: port is already allocated'],
    [8080, 'cannot listen on the TCP port: listen tcp4 :8080: bind: address already in use'],
    [8080, 'rootlessport listen tcp 127.0.0.1:8080: bind: address already in use'],
    [
      8080,
      "setting up Pasta: pasta failed with exit code 1: Failed to bind port 8080 (Address already in use) for option '-t 8080-8080:80-80'",
    ],
  ])('names the port of the host that is taken, %i: %s', (port, words) => {
    expect(named(words)).toBeInstanceOf(PortTakenError);
    expect(named(words)).toMatchObject({ port });
  });
});
