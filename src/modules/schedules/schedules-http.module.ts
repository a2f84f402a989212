import { Module } from '@nestjs/common';
import { SchedulesController } from './schedules.controller.js';

/** Shows and steers stored schedules under `/schedules`, and as a tab of the dashboard. Beside `SchedulesModule`. Who may: `HttpAccessModule`. */
@Module({ controllers: [SchedulesController] })
export class SchedulesHttpModule {}
