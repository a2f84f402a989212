import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';

const LARGEST = 1_000;
const DEFAULT = 50;

/** `?limit=`: how many to return, 1 to 1000; 50 when it is left out. Anything else is a 400 that names the value. */
@Injectable()
export class LimitPipe implements PipeTransform<unknown, number> {
  transform(value: unknown): number {
    if (value === undefined) return DEFAULT;
    const limit = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : NaN;
    if (limit >= 1 && limit <= LARGEST) return limit;
    throw new BadRequestException(
      `limit=${JSON.stringify(value).slice(0, 40)} cannot be: give a whole number from 1 to ${LARGEST}`,
    );
  }
}
