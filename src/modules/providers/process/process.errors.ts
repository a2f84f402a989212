import { type InstanceId } from '../../ids/typed-id.js';

/** Instances are held by process groups, signals and start times, which this system does not have. */
export class UnsupportedPlatformError extends Error {
  override readonly name = 'UnsupportedPlatformError';

  constructor(readonly platform: string) {
    super(
      `ProcessProvider does not run on ${platform}: use Linux or macOS (on Windows, WSL), or another provider`,
    );
  }
}

/** What the provider keeps of an instance cannot be read. The others go on; this one is in state `unknown`. */
export class BrokenInstanceError extends Error {
  override readonly name = 'BrokenInstanceError';

  constructor(
    readonly instanceId: InstanceId,
    readonly path: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `What is kept of instance ${instanceId} in ${path} cannot be used (${reason}): provision or deprovision it anew`,
      options,
    );
  }
}
