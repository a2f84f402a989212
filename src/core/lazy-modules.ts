import { Injectable } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';

/**
 * Modules that the application loads after its start. Nest calls none of their lifecycle hooks and emits no event for
 * them.
 */
@Injectable()
export class LazyModules {
  constructor(private readonly loader: LazyModuleLoader) {}

  /**
   * Calls `callback` after each load, before `load` resolves. When the callback throws, `load` rejects with that
   * error.
   */
  whenLoaded(callback: () => void): void {
    const { loader } = this;
    const load = loader.load.bind(loader);
    loader.load = async (...args) => {
      const ref = await load(...args);
      callback();
      return ref;
    };
  }
}
