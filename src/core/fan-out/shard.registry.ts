import { Injectable } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { type DecoratedMethod, DecoratedMethods, instancePrototype } from '../registry/decorated-methods.js';
import { ofProvider } from '../registry/of-provider.js';
import { WorkerCalls } from '../registry/worker-calls.js';
import { messageOf } from '../text/describe-error.js';
import { type GivenShardOptions, SHARD_METADATA } from '../worker/shard.decorator.js';
import { InvalidShardsError, UnknownShardError } from './fan-out.errors.js';
import { defineShard, type ShardCall, type ShardDefinition } from './shard-definition.js';

/** The methods with `@Shard` of this application. */
@Injectable()
export class ShardRegistry {
  private readonly byName = new Map<string, ShardDefinition>();
  /** Several when classes inherit a method. */
  private readonly byMethod = new Map<unknown, ShardDefinition[]>();
  private readonly providers = new WeakSet<object>();

  constructor(
    private readonly methods: DecoratedMethods,
    private readonly calls: WorkerCalls,
  ) {}

  /**
   * Adds those that were not there before.
   * @throws InvalidShardsError that lists all bad ones; then none was added
   */
  discover(): void {
    const problems: string[] = [];
    const found = new Map<string, [ShardDefinition, method: unknown]>();
    const methods = this.methods.find<GivenShardOptions<never>>(SHARD_METADATA, (provider) =>
      this.providers.has(provider),
    );
    for (const place of methods) {
      const where = `${place.source} (in ${place.module})`;
      try {
        const shard = this.define(place, where);
        const taken = found.get(shard.name)?.[0] ?? this.byName.get(shard.name);
        if (taken)
          throw new Error(
            `the name "${shard.name}" is taken by ${taken.source}: give one of them another, or provide the class once`,
          );
        found.set(shard.name, [shard, place.prototype![place.method]]);
      } catch (error) {
        problems.push(`${where}: ${messageOf(error)}`);
      }
    }
    if (problems.length > 0) throw new InvalidShardsError(problems);
    for (const { provider } of methods) this.providers.add(provider);
    for (const [shard, method] of found.values()) {
      this.byName.set(shard.name, shard);
      this.byMethod.set(method, [...(this.byMethod.get(method) ?? []), shard]);
    }
  }

  all(): ShardDefinition[] {
    return [...this.byName.values()];
  }

  find(name: string): ShardDefinition | undefined {
    return this.byName.get(name);
  }

  /**
   * @param method what was given to `context.fanOut`
   * @param worker where the worker is defined, `Class.method (in Module)`: of several classes that inherit a method its own
   * is meant
   * @throws UnknownShardError
   */
  of(method: unknown, worker: string): ShardDefinition {
    const shards = this.byMethod.get(method) ?? [];
    const own = shards.filter((shard) => classOf(shard.source) === classOf(worker));
    const [shard] = shards.length > 1 ? own : shards;
    if (shard) return shard;
    if (shards.length > 1)
      throw new UnknownShardError(
        `context.fanOut was given a method that ${shards.map(({ source }) => source).join(' and ')} have in common: override it in the class that is meant`,
      );
    throw new UnknownShardError(
      typeof method === 'function'
        ? `context.fanOut was given ${method.name ? `the function "${method.name}"` : 'a function'}, which is no method with @Shard of a provider: give the method itself (this.${method.name.replace(/^bound /, '') || 'sweepTenant'}), neither bound nor wrapped`
        : `context.fanOut was given ${method === null ? 'null' : `a value of type ${typeof method}`} instead of a method with @Shard: give the method itself (this.sweepTenant)`,
    );
  }

  private define(shard: DecoratedMethod<GivenShardOptions<never>>, where: string): ShardDefinition {
    const { source, method, wrapper, metadata } = shard;
    const prototype = instancePrototype(shard, '@Shard');
    if (Object.keys(Reflect.getMetadata(ROUTE_ARGS_METADATA, prototype.constructor, method) ?? {}).length > 0)
      throw new Error('its parameters have decorators, and it gets an item and a ShardContext: remove them');
    const options =
      typeof metadata === 'function'
        ? ofProvider({ wrapper, what: 'its options', value: 'the options' }, metadata)
        : metadata;
    return defineShard(options, source, where, this.calls.to<ShardCall>(wrapper, prototype, method));
  }
}

/** `Class (in Module)` of `Class.method (in Module)`. */
function classOf(source: string): string {
  return source.replace(/\.[^. ]+ \(in /, ' (in ');
}
