import { Logger } from '@nestjs/common';
import { type Database } from './database.js';
import { SchemaSharedError } from './postgres.errors.js';
import { defaultServiceName } from './service-name.js';
import { seeService } from './sql/services.js';

interface Service {
  readonly name: string;
  /** By the options, and not by the package. */
  readonly given: boolean;
}

/**
 * The services that are in one schema. Two there are one cluster by mistake: workers of one name would be one worker. Told
 * apart by the option `service`, or else by the name of the application's package.
 */
export class Services {
  private readonly logger = new Logger('Workers');

  constructor(
    private readonly database: Database,
    private readonly given: string | undefined,
  ) {}

  /** @throws SchemaSharedError when two that were given a name are there; where one's name is a guess, it is a warning */
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

  /** Says that this service is here, and hears which others are. */
  async others(): Promise<Service[]> {
    const { own } = this;
    return own ? this.database.query<Service>(seeService, [own.name, own.given]) : [];
  }

  private get own(): Service | undefined {
    const name = this.given ?? defaultServiceName();
    return name === undefined ? undefined : { name, given: this.given !== undefined };
  }
}
