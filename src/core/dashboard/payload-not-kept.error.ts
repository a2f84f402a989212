/** A run cannot be repeated with its payload, as its record does not have it. */
export class PayloadNotKeptError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'PayloadNotKeptError';

  constructor(readonly runId: string) {
    super(
      `The payload of run ${runId} was not kept, as it has more than 256 KiB or the store refused it: ` +
        'trigger its worker with the payload instead',
    );
  }
}
