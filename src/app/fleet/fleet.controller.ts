import { BadRequestException, HttpCode, Inject, Post, Query } from '@nestjs/common';
import { isAbsolute } from 'node:path';
import { QueryPipe } from '../../core/http/query.pipe.js';
import { ControlPlaneController } from '../../modules/auth/control-plane.controller.js';
import { ProviderRegistry } from '../../modules/providers/provider.registry.js';
import { FleetComparison, type FleetDifference } from './fleet-comparison.js';
import { asksForContainers, type FleetFile, loadFleetFile } from './fleet-file.js';
import { CONTAINERS, type ProviderName } from './fleet-program.js';
import { FleetFileError } from './fleet.errors.js';
import { type FleetUpReport } from './fleet-report.js';
import { FleetService } from './fleet.service.js';

/** The fleet that the app was started with. */
export const RUNNING_FLEET = Symbol('RUNNING_FLEET');

const file = () => new QueryPipe({ path: absolute });

/**
 * Brings another state of a fleet file into a running app: `npm run fleet:diff` and `npm run fleet:apply`. The app reads
 * the file itself, so that both take the token, as whatever writes does.
 */
@ControlPlaneController('fleet')
export class FleetController {
  constructor(
    private readonly providers: ProviderRegistry,
    @Inject(RUNNING_FLEET) private readonly running: FleetFile,
    private readonly comparison: FleetComparison,
    private readonly fleets: FleetService,
  ) {}

  /** What `apply` would change, and what it would leave alone. */
  @Post('diff')
  @HttpCode(200)
  async diff(@Query(file()) { path }: { path: string }): Promise<{ differences: FleetDifference[] }> {
    return { differences: await this.comparison.compare(this.load(path), this.running) };
  }

  @Post('apply')
  @HttpCode(200)
  async apply(
    @Query(file()) { path }: { path: string },
  ): Promise<{ differences: FleetDifference[]; report: FleetUpReport }> {
    const fleet = this.load(path);
    const differences = await this.comparison.compare(fleet, this.running);
    return { differences, report: await this.fleets.up(fleet) };
  }

  private load(path: string): FleetFile {
    try {
      const fleet = loadFleetFile(path, this.providers.default().name as ProviderName);
      if (asksForContainers(fleet) && !this.providers.has(CONTAINERS))
        throw new BadRequestException(
          'The app was started without containers: start it again with this fleet file, or with PROVIDER=docker',
        );
      return fleet;
    } catch (error) {
      if (error instanceof FleetFileError) throw new BadRequestException(error.message);
      throw error;
    }
  }
}

/** A path that means the same to the app as to whoever gives it. */
function absolute(given: string | undefined): string {
  if (given !== undefined && isAbsolute(given) && !given.includes('\0')) return given;
  throw new Error('give the absolute path of a fleet file');
}
