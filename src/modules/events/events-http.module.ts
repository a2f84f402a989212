import { Module } from '@nestjs/common';
import { EventsController } from './events.controller.js';
import { EventsModule } from './events.module.js';

/** Shows the events under `/events`. Who may see them: `HttpAccessModule`. */
@Module({ imports: [EventsModule], controllers: [EventsController] })
export class EventsHttpModule {}
