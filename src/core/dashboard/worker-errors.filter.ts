import {
  type ArgumentsHost,
  Catch,
  ConflictException,
  type HttpException,
  NotFoundException,
  ServiceUnavailableException,
} from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { UnknownWorkerError } from '../registry/worker.errors.js';
import { SchedulerStoppedError, WorkerBusyError } from '../scheduler/scheduler.errors.js';

/** The framework's errors as HTTP statuses. */
@Catch(UnknownWorkerError, WorkerBusyError, SchedulerStoppedError)
export class WorkerErrorsFilter extends BaseExceptionFilter {
  override catch(
    error: UnknownWorkerError | WorkerBusyError | SchedulerStoppedError,
    host: ArgumentsHost,
  ): void {
    super.catch(asHttp(error), host);
  }
}

function asHttp(error: UnknownWorkerError | WorkerBusyError | SchedulerStoppedError): HttpException {
  if (error instanceof UnknownWorkerError) return new NotFoundException(error.message);
  if (error instanceof WorkerBusyError) return new ConflictException(error.message);
  return new ServiceUnavailableException(error.message);
}
