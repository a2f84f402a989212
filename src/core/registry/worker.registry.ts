import { Inject, Injectable } from '@nestjs/common';
import { isOptions, kindOf } from '../text/option-names.js';
import { type Worker } from '../worker/worker.js';
import { WORKER_OPTIONS } from '../worker/module-options.token.js';
import { type RegistryOptions } from './registry.options.js';
import { defineWorker, type WorkerDefinition, type WorkerOverrides } from './worker-definition.js';
import { type Finding, WorkerExplorer } from './worker-explorer.js';
import { InvalidWorkersError, UnknownWorkerError } from './worker.errors.js';

/** The checked workers of this application, by name. */
@Injectable()
export class WorkerRegistry {
  private readonly definitions = new Map<string, WorkerDefinition>();
  /** Providers whose workers were added. */
  private readonly providers = new WeakSet<object>();

  constructor(
    private readonly explorer: WorkerExplorer,
    @Inject(WORKER_OPTIONS) private readonly options: Pick<RegistryOptions, 'workers'>,
  ) {}

  /**
   * Adds every decorated method of the application that was not added before, such as those of a lazily loaded module.
   * @param adopted workers from other sources: decorators of other packages, the framework itself
   * @throws InvalidWorkersError that lists all invalid workers; then none was added
   */
  discover(adopted: Finding[] = []): WorkerDefinition[] {
    const problems: string[] = [];
    const found = new Map<string, WorkerDefinition>();
    const explored = this.explorer.explore((provider) => this.providers.has(provider));
    for (const { source, module, worker, problem } of [...explored, ...adopted]) {
      const where = `${source} (in ${module})`;
      if (!worker) {
        problems.push(`${where}: ${problem}`);
        continue;
      }
      const checked = defineWorker(worker, where, this.overridesOf(worker.name));
      if ('problems' in checked) {
        problems.push(...checked.problems.map((p) => `${where}: ${p}`));
        continue;
      }
      const { definition } = checked;
      const other = found.get(definition.name) ?? this.definitions.get(definition.name);
      if (other) problems.push(sameMethod(source, module, other) ?? duplicate(where, definition.name, other));
      else found.set(definition.name, definition);
    }
    if (problems.length > 0) throw new InvalidWorkersError(problems);
    for (const { provider } of explored) if (provider) this.providers.add(provider);
    for (const definition of found.values()) this.definitions.set(definition.name, definition);
    return [...found.values()];
  }

  /** @throws InvalidWorkersError for a bad definition or a name that is taken */
  add(worker: Worker): WorkerDefinition {
    if (!isOptions(worker))
      throw new InvalidWorkersError([
        `register() was given ${kindOf(worker)}: give an object with name, interval and run`,
      ]);
    const where = `the worker ${JSON.stringify(worker.name)} given to register()`;
    const checked = defineWorker(worker, where, this.overridesOf(worker.name));
    if ('problems' in checked) throw new InvalidWorkersError(checked.problems.map((p) => `${where}: ${p}`));
    const { definition } = checked;
    const other = this.definitions.get(definition.name);
    if (other) throw new InvalidWorkersError([duplicate(where, definition.name, other)]);
    this.definitions.set(definition.name, definition);
    return definition;
  }

  /** @throws UnknownWorkerError */
  remove(name: string): void {
    if (!this.definitions.delete(name)) throw new UnknownWorkerError(name, this.names());
  }

  find(name: string): WorkerDefinition | undefined {
    return this.definitions.get(name);
  }

  all(): WorkerDefinition[] {
    return [...this.definitions.values()];
  }

  names(): string[] {
    return [...this.definitions.keys()];
  }

  /** A worker may be called `constructor`. */
  private overridesOf(name: string): WorkerOverrides | undefined {
    const { workers = {} } = this.options;
    return Object.hasOwn(workers, name) ? workers[name] : undefined;
  }
}

function duplicate(where: string, name: string, other: WorkerDefinition): string {
  const inherited = methodOf(where) !== undefined && methodOf(where) === methodOf(other.source);
  return (
    `${where}: the name "${name}" is taken by ${other.source}: give one of them another` +
    (inherited
      ? ', or, when both inherit the method, leave its name out: then each is called by its class'
      : '')
  );
}

/** `report` of `Usage.report (in UsageModule)`. */
function methodOf(source: string): string | undefined {
  return /\.([^. ]+) \(in /.exec(source)?.[1];
}

/** The message for the most common causes of a duplicate name: two instances of one class. */
function sameMethod(source: string, module: string, other: WorkerDefinition): string | undefined {
  const [, where] = other.source.startsWith(`${source} (in `) ? other.source.split(' (in ') : [];
  if (where === undefined) return undefined;
  const first = where.slice(0, -1);
  if (first === module)
    return (
      `${source}: ${module} has two instances of its class, by two providers or as it is imported with different options, and ` +
      `both would be the worker "${other.name}": provide one, or give each a worker of its own, with ` +
      'Scheduler.register({ name, interval, run }) in its onModuleInit'
    );
  return (
    `${source}: its provider is listed in two modules, ${first} and ${module}, so there are two instances and ` +
    'each would run: provide it in one module, export it there, and import that module where it is injected'
  );
}
