import { Module } from '@nestjs/common';
import { StaleUploadsWorker } from './stale-uploads.worker.js';
import { Uploads } from './uploads.js';

/** WorkerModule is global and finds the worker here: nothing has to be registered. */
@Module({ providers: [Uploads, StaleUploadsWorker] })
export class UploadsModule {}
