/** No such check, or none that the tenant may see. */
export class UnknownHealthCheckError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownHealthCheckError';

  constructor(readonly id: string) {
    super(`There is no health check ${id}`);
  }
}

/** Another check of the same instance, or of the same tenant without one, has that name. */
export class HealthCheckNameTakenError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'HealthCheckNameTakenError';

  constructor(checkName: string) {
    super(`There already is a health check "${checkName}" here: update or remove it, or take another name`);
  }
}

/** Two checkers have the same name. */
export class CheckerNameTakenError extends Error {
  override readonly name = 'CheckerNameTakenError';

  constructor(checker: string) {
    super(`Two health checkers are called "${checker}": give each a name of its own`);
  }
}

/** The check waits for calls of its target, and was called where it does not. */
export class NotAPushCheckError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'NotAPushCheckError';

  constructor(id: string) {
    super(`${id} is no check of the type push: it asks its target by itself`);
  }
}

/** No such maintenance window of the tenant. */
export class UnknownMaintenanceWindowError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownMaintenanceWindowError';

  constructor(id: string) {
    super(`There is no maintenance window ${id}`);
  }
}
