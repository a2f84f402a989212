/** An option of `IncidentsModule` is invalid. */
export class InvalidIncidentsOptionsError extends Error {
  override readonly name = 'InvalidIncidentsOptionsError';

  constructor(readonly faults: readonly string[]) {
    super(`IncidentsModule.forRoot: ${faults.join('; ')}`);
  }
}

/** A reported incident has an invalid key. */
export class InvalidIncidentError extends Error {
  static readonly httpStatus = 400;
  override readonly name = 'InvalidIncidentError';
}

/** A silence has an invalid end or an invalid field. */
export class InvalidSilenceError extends Error {
  static readonly httpStatus = 400;
  override readonly name = 'InvalidSilenceError';
}

/** There is no incident, silence or delivery with that id. */
export class UnknownIncidentError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownIncidentError';

  constructor(what: 'incident' | 'silence' | 'delivery', id: string) {
    super(`There is no ${what} ${JSON.stringify(id.slice(0, 100))}`);
  }
}
