import { Logger } from '@nestjs/common';
import { type Database } from './database.js';
import { SchemaSharedError } from './postgres.errors.js';
import { defaultServiceName } from './service-name.js';
import { seeService } from './sql/services.js';

interface Service {
  readonly name: string;
  /** Whether it is named by the option `service`, not by the package. */
  readonly given: boolean;
}

/**
 * The services that use one schema. Two of them are a mistake: their workers with the same name would run as one. A
 * service is identified by the option `service`, or else by the name of the application's package.
 */
export class Services {
  private readonly logger = new Logger('Workers');

  constructor(
    private readonly database: Database,
    private readonly given: string | undefined,
  ) {}

  /**
   * Checks for other services. When one of the two names comes from a package, it only warns.
   * @throws SchemaSharedError when both were given the option
   */
  async meet(): Promise<void> {
    const own = this.own;
    const others = await this.others();
    if (!own || others.length === 0) return;
    const shared = (some: readonly Service[]) =>
      new SchemaSharedError(
        this.database.schema,
        own.name,
        some.map(({ name }) => name),
      );
    const clashing = others.filter((other) => own.given && other.given);
    if (clashing.length > 0) throw shared(clashing);
    this.logger.warn(shared(others).message);
  }

  /** Announces this service, and returns the others. */
  async others(): Promise<Service[]> {
    const { own } = this;
    return own ? this.database.query<Service>(seeService, [own.name, own.given]) : [];
  }

  private get own(): Service | undefined {
    const name = this.given ?? defaultServiceName();
    return name === undefined ? undefined : { name, given: this.given !== undefined };
  }
}
