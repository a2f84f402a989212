import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { InvalidInputError } from '../input/input.errors.js';
import {
  type MetricCollector,
  type MetricCollectorOptions,
  type RegisteredCollector,
} from './metric-collector.js';
import { TELEMETRY_COLLECTOR_METADATA } from './telemetry-collector.decorator.js';

/** Every collector of this application: providers with `@TelemetryCollector()`, and what is registered by hand. */
@Injectable()
export class MetricCollectorRegistry implements OnModuleInit {
  private readonly collectors = new Map<string, RegisteredCollector>();

  constructor(private readonly discovery: DiscoveryService) {}

  onModuleInit(): void {
    const seen = new Set<object>();
    for (const {
      instance,
      metatype,
      name,
      isAlias,
      isTransient,
      isDependencyTreeStatic,
    } of this.wrappers()) {
      const options = optionsOf(metatype);
      if (!options || isAlias || seen.has(metatype as object)) continue;
      if (isTransient || !isDependencyTreeStatic || !isCollector(instance))
        throw new InvalidInputError('telemetry collector', [
          isCollector(instance) || isCollector((metatype as { prototype?: unknown }).prototype)
            ? `${String(name)} is request-scoped or transient: there is no instance to ask at a tick. Give it the default scope`
            : `${String(name)} has no method collect(): implement MetricCollector`,
        ]);
      seen.add(metatype as object);
      this.register(options.name ?? String(name), instance, options);
    }
  }

  /**
   * Adds a collector.
   * @returns what takes it out again
   * @throws InvalidInputError when the name is taken
   */
  register(name: string, collector: MetricCollector, options: MetricCollectorOptions = {}): () => void {
    if (this.collectors.has(name))
      throw new InvalidInputError('telemetry collector', [`name: there are two of the name ${name}`]);
    const registered = { ...options, name, collector };
    this.collectors.set(name, registered);
    return () => {
      if (this.collectors.get(name) === registered) this.collectors.delete(name);
    };
  }

  list(): RegisteredCollector[] {
    return [...this.collectors.values()];
  }

  private wrappers() {
    return this.discovery.getProviders().map((wrapper) => ({
      instance: wrapper.instance as unknown,
      metatype: wrapper.metatype as unknown,
      name: wrapper.name as unknown,
      isAlias: wrapper.isAlias,
      isTransient: wrapper.isTransient,
      isDependencyTreeStatic: wrapper.isDependencyTreeStatic(),
    }));
  }
}

function optionsOf(metatype: unknown): MetricCollectorOptions | undefined {
  if (typeof metatype !== 'function') return undefined;
  return Reflect.getMetadata(TELEMETRY_COLLECTOR_METADATA, metatype) as MetricCollectorOptions | undefined;
}

function isCollector(value: unknown): value is MetricCollector {
  return typeof (value as MetricCollector | undefined)?.collect === 'function';
}
