/** A run cannot be made again with what it was given, as that was too long to be kept. */
export class PayloadNotKeptError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'PayloadNotKeptError';

  constructor(readonly runId: string) {
    super(
      `The payload of run ${runId} has more than 256 KiB, and was not kept: trigger its worker with the payload instead`,
    );
  }
}
