import { BadRequestException, HttpCode, Inject, Post, Query } from '@nestjs/common';
import { isAbsolute } from 'node:path';
import { QueryPipe } from '../../core/http/query.pipe.js';
import { ControlPlaneController } from '../../modules/auth/control-plane.controller.js';
import { FleetComparison, type FleetDifference } from './fleet-comparison.js';
import { type FleetFile, loadFleetFile } from './fleet-file.js';
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
    @Inject(RUNNING_FLEET) private readonly running: FleetFile,
    private readonly comparison: FleetComparison,
    private readonly fleets: FleetService,
  ) {}

  /** What `apply` would change, and what it would leave alone. */
  @Post('diff')
  @HttpCode(200)
  async diff(@Query(file()) { path }: { path: string }): Promise<{ differences: FleetDifference[] }> {
    return { differences: await this.comparison.compare(load(path), this.running) };
  }

  @Post('apply')
  @HttpCode(200)
  async apply(
    @Query(file()) { path }: { path: string },
  ): Promise<{ differences: FleetDifference[]; report: FleetUpReport }> {
    const fleet = load(path);
    const differences = await this.comparison.compare(fleet, this.running);
    return { differences, report: await this.fleets.up(fleet) };
  }
}

function load(path: string): FleetFile {
  try {
    return loadFleetFile(path);
  } catch (error) {
    if (error instanceof FleetFileError) throw new BadRequestException(error.message);
    throw error;
  }
}

/** A path that means the same to the app as to whoever gives it. */
function absolute(given: string | undefined): string {
  if (given !== undefined && isAbsolute(given) && !given.includes('\0')) return given;
  throw new Error('give the absolute path of a fleet file');
}
