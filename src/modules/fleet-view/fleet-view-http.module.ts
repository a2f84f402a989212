import { Module } from '@nestjs/common';
import { ChecksOverviewController } from './checks-overview.controller.js';
import { ChecksOverview } from './checks-overview.js';
import { DriftController } from './drift.controller.js';
import { FleetViewController } from './fleet-view.controller.js';
import { FleetView } from './fleet-view.js';
import { RolloutsController } from './rollouts.controller.js';
import { Rollouts } from './rollouts.js';

/**
 * Shows the instances under `/instances`, those that have drifted under `/drift`, deployments under `/deployments`, and
 * checks under `/health-checks`. Needs the `DatabaseModule`. Who may see them: `HttpAccessModule`.
 */
@Module({
  providers: [FleetView, Rollouts, ChecksOverview],
  controllers: [FleetViewController, RolloutsController, DriftController, ChecksOverviewController],
  exports: [FleetView, Rollouts, ChecksOverview],
})
export class FleetViewHttpModule {}
