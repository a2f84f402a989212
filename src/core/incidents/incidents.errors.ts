/** An option of `IncidentsModule` cannot be kept to. */
export class InvalidIncidentsOptionsError extends Error {
  override readonly name = 'InvalidIncidentsOptionsError';

  constructor(readonly faults: readonly string[]) {
    super(`IncidentsModule.forRoot: ${faults.join('; ')}`);
  }
}

/** An incident that is reported has no key that could be kept. */
export class InvalidIncidentError extends Error {
  static readonly httpStatus = 400;
  override readonly name = 'InvalidIncidentError';
}

/** A silence would end at once, or for nothing that there is. */
export class InvalidSilenceError extends Error {
  static readonly httpStatus = 400;
  override readonly name = 'InvalidSilenceError';
}

/** There is no such thing. */
export class UnknownIncidentError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownIncidentError';

  constructor(what: 'incident' | 'silence' | 'delivery', id: string) {
    super(`There is no ${what} ${JSON.stringify(id.slice(0, 100))}`);
  }
}
