import { Injectable } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';

/** Modules that the application loads after its start. Nest calls none of their hooks, and tells nobody. */
@Injectable()
export class LazyModules {
  constructor(private readonly loader: LazyModuleLoader) {}

  /** Calls back after each load, before whoever loads goes on; what it throws, the load rejects with. */
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
