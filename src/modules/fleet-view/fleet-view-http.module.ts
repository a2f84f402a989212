import { Module } from '@nestjs/common';
import { FleetViewController } from './fleet-view.controller.js';
import { FleetView } from './fleet-view.js';

/** Shows the instances under `/instances`. Needs the `DatabaseModule`. Who may see them: `HttpAccessModule`. */
@Module({ providers: [FleetView], controllers: [FleetViewController], exports: [FleetView] })
export class FleetViewHttpModule {}
