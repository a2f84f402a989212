import { ApplicationConfig, ExternalContextCreator, type ModuleRef, type NestContainer } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { isObservable, lastValueFrom } from 'rxjs';
import { isError } from '../text/describe-error.js';

/** Context type that guards, interceptors and filters of a worker see: `context.getType()`. */
export const WORKER_CONTEXT = 'worker';

// Nest has `ExternalContextCreator` for code that calls providers' methods itself. Three of its behaviours are wrong for
// a worker and have no option; they are corrected here. Two of them need private fields of Nest, which only this file
// uses:
//
// - `ModuleRef.container`, to make a creator without the application's global enhancers;
// - `ExternalContextCreator.externalErrorProxy`, because what a filter returns would be the result of the call: a
//   failed run would count as succeeded.
//
// The third uses a public method: Nest looks for the module of a method among providers only, and silently ignores the
// enhancers of a controller's method.

/** Selects the filter for an error, and calls it. */
interface Filters {
  invokeCustomFilters(error: unknown, host: ExecutionContextHost): unknown;
}

interface ErrorProxy {
  createProxy(target: Target, filters: Filters): Target;
}

type Target = (...args: unknown[]) => Promise<unknown>;

/**
 * A creator for the methods of the workers in one module. Errors stay errors, whatever a filter makes of them.
 *
 * @param moduleKey token of the module that holds the worker
 * @param globalEnhancers whether the application's global enhancers apply as well
 * @throws Error if this release of Nest keeps the fields elsewhere
 */
export function workerContextCreator(
  moduleRef: ModuleRef,
  moduleKey: string,
  globalEnhancers: boolean,
): ExternalContextCreator {
  const { container } = moduleRef as unknown as { container?: NestContainer };
  if (typeof container?.getModules !== 'function') throw unsupported('ModuleRef.container');
  const creator = ExternalContextCreator.fromContainer(
    globalEnhancers ? container : withoutGlobals(container),
  );
  const inside = creator as unknown as { externalErrorProxy?: ErrorProxy };
  if (typeof inside.externalErrorProxy?.createProxy !== 'function')
    throw unsupported('ExternalContextCreator.externalErrorProxy');
  inside.externalErrorProxy = { createProxy: stayFailed };
  creator.getContextModuleKey = () => moduleKey;
  return creator;
}

/** The same container with an empty configuration, in which Nest keeps global enhancers. */
function withoutGlobals(container: NestContainer): NestContainer {
  return Object.create(container, { applicationConfig: { value: new ApplicationConfig() } });
}

function stayFailed(target: Target, filters: Filters): Target {
  return async (...args) => {
    try {
      return await target(...args);
    } catch (error) {
      const host = new ExecutionContextHost(args);
      host.setType(WORKER_CONTEXT);
      throw await transformed(error, filters.invokeCustomFilters(error, host));
    }
  };
}

/** The error of a filter, which may throw another one, return one, or return an observable that fails, as for RPC. */
async function transformed(error: unknown, answer: unknown): Promise<unknown> {
  const value = isObservable(answer)
    ? await lastValueFrom(answer, { defaultValue: undefined })
    : await answer;
  return isError(value) ? value : error;
}

function unsupported(field: string): Error {
  return new Error(
    `its guards, interceptors, pipes and filters cannot be applied, as this release of @nestjs/core has no ${field}: ` +
      'use a release that the peerDependencies of ctrlplane-workers name, or take the enhancers off the worker',
  );
}
