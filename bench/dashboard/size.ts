/** Workers of the application that is measured. */
export const WORKERS = 500;
