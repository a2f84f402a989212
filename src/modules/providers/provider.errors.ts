import { type InstanceId } from '../ids/typed-id.js';
import { type Capability } from './provider.js';

/** The requested provider is not registered. */
export class UnknownProviderError extends Error {
  static readonly httpStatus = 400;
  override readonly name = 'UnknownProviderError';

  constructor(
    /** The name asked for; undefined for the default one. */
    readonly provider: string | undefined,
    readonly registered: readonly string[],
  ) {
    const asked =
      provider === undefined ? 'There is no default provider' : `There is no provider "${provider}"`;
    const known = registered.length ? `registered: ${registered.join(', ')}` : 'none is registered';
    super(`${asked}: ${known}. Import its module, such as ProcessProviderModule.forRoot({ directory })`);
  }
}

/** Two providers under one name: instances remember theirs by name, so it must mean one. */
export class DuplicateProviderError extends Error {
  override readonly name = 'DuplicateProviderError';

  constructor(readonly provider: string) {
    super(
      `A provider "${provider}" is registered already: import its module once, or give one of them another name`,
    );
  }
}

/** The provider holds nothing of that id. */
export class InstanceNotProvisionedError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'InstanceNotProvisionedError';

  constructor(
    readonly instanceId: InstanceId,
    readonly provider: string,
  ) {
    super(`Provider "${provider}" has no instance ${instanceId}: provision it first`);
  }
}

/** The call needs a running instance, and this one is stopped or has exited. */
export class InstanceNotRunningError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'InstanceNotRunningError';

  constructor(readonly instanceId: InstanceId) {
    super(`Instance ${instanceId} is not running: start it first`);
  }
}

/** The provider cannot do this to any instance; `capabilities()` says so beforehand. */
export class CapabilityNotSupportedError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'CapabilityNotSupportedError';

  constructor(
    readonly provider: string,
    readonly capability: Capability,
  ) {
    super(`Provider "${provider}" cannot ${capability}: see its capabilities()`);
  }
}

/** The instance could not be made to run. The reason names the command, never a value of its environment. */
export class ProvisionFailedError extends Error {
  static readonly httpStatus: number = 503;
  override readonly name: string = 'ProvisionFailedError';

  constructor(
    readonly instanceId: InstanceId,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`Instance ${instanceId} could not be started: ${reason}`, options);
  }
}

/** A port that the instance has been given is in use by something else on its host. */
export class PortTakenError extends ProvisionFailedError {
  override readonly name = 'PortTakenError';

  constructor(
    instanceId: InstanceId,
    readonly port: number,
  ) {
    super(
      instanceId,
      `its port ${port} is in use by another program: end that, or make a new instance in its place`,
    );
  }
}

/** There is no such image, or it may not be pulled. */
export class ImageMissingError extends ProvisionFailedError {
  override readonly name: string = 'ImageMissingError';

  constructor(
    instanceId: InstanceId,
    readonly image: string,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(instanceId, `no image ${JSON.stringify(image)}: ${detail}`, options);
  }
}

/** There is such an image, and it is made for other machines than the provider's. Starting it again cannot help. */
export class ImageArchitectureError extends ImageMissingError {
  override readonly name = 'ImageArchitectureError';

  constructor(instanceId: InstanceId, image: string, detail: string, options?: ErrorOptions) {
    super(
      instanceId,
      image,
      `it is not made for this machine's architecture (${detail}): build it for that`,
      options,
    );
  }
}

/** The host has no more of something that the instance needs: processes, files, memory, disk, ports. */
export class OutOfResourcesError extends ProvisionFailedError {
  override readonly name = 'OutOfResourcesError';
}

/** The spec asks for something that the provider cannot give; `capabilities()` says so beforehand. */
export class SpecNotSupportedError extends ProvisionFailedError {
  static override readonly httpStatus = 409;
  override readonly name = 'SpecNotSupportedError';

  constructor(
    instanceId: InstanceId,
    readonly provider: string,
    readonly part: string,
    readonly fix: string,
  ) {
    super(instanceId, `provider "${provider}" does not take spec.${part}: ${fix}`);
  }
}

/** An init service has not ended with 0, so nothing else of the instance was started. */
export class InitServiceFailedError extends ProvisionFailedError {
  override readonly name = 'InitServiceFailedError';

  constructor(
    instanceId: InstanceId,
    readonly service: string,
    /** Undefined when nobody knows. */
    readonly exitCode: number | undefined,
    /** What it wrote last. */
    words: string,
  ) {
    const code = exitCode === undefined ? '' : ` with code ${exitCode}`;
    super(instanceId, `its init service "${service}" ended${code}${words && `: ${words}`}`);
  }
}

/** A service that another one waits for has not become healthy. */
export class ServiceNotHealthyError extends ProvisionFailedError {
  override readonly name = 'ServiceNotHealthyError';

  constructor(
    instanceId: InstanceId,
    readonly service: string,
    detail: string,
  ) {
    super(instanceId, `its service "${service}" is not healthy: ${detail}`);
  }
}

/** The instance has no service of that name. */
export class UnknownServiceError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownServiceError';

  constructor(
    readonly instanceId: InstanceId,
    readonly service: string,
    readonly services: readonly string[],
  ) {
    super(
      `Instance ${instanceId} has no service ${JSON.stringify(service)}: there are ${services.join(', ')}`,
    );
  }
}

/** The instance was told to end, then forced, and is still there. Repeating the call tries again. */
export class StopFailedError extends Error {
  static readonly httpStatus = 503;
  override readonly name = 'StopFailedError';

  constructor(
    readonly instanceId: InstanceId,
    readonly reason: string,
  ) {
    super(`Instance ${instanceId} could not be stopped: ${reason}`);
  }
}

/** `rollback` of an instance which has never been deployed anew. */
export class NothingToRollBackError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'NothingToRollBackError';

  constructor(readonly instanceId: InstanceId) {
    super(`Instance ${instanceId} has no spec before its present one: deploy one first`);
  }
}

/** A program that cannot be run where and as whom it is asked for. */
export class CommandNotRunnableError extends Error {
  static readonly httpStatus = 400;
  override readonly name = 'CommandNotRunnableError';

  constructor(
    readonly program: string,
    readonly reason: string,
  ) {
    super(`"${program}" cannot be run: ${reason}`);
  }
}

/** The provider itself cannot work: its directory, its daemon, its API is not there. */
export class ProviderUnavailableError extends Error {
  static readonly httpStatus = 503;
  override readonly name = 'ProviderUnavailableError';

  constructor(
    readonly provider: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`Provider "${provider}" is unavailable: ${reason}`, options);
  }
}
