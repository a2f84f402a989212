import { type ArgumentsHost, BadRequestException, Catch } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { InvalidIdError } from '../../modules/ids/id.errors.js';
import { InvalidInputError } from '../../modules/input/input.errors.js';

/** What a caller got wrong is a 400 with the message that says so. */
@Catch(InvalidInputError, InvalidIdError)
export class InvalidInputFilter extends BaseExceptionFilter {
  override catch(error: Error, host: ArgumentsHost): void {
    super.catch(new BadRequestException(error.message), host);
  }
}
