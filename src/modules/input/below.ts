import { type z } from 'zod';

type Faults = Pick<z.RefinementCtx, 'addIssue'>;

/** Where faults of a part are told, so that they are told of the whole. */
export function below(context: Faults, path: (string | number)[]): Faults {
  return {
    addIssue: (issue) => {
      if (typeof issue === 'string') context.addIssue({ code: 'custom', path, message: issue });
      else context.addIssue({ ...issue, path: [...path, ...(issue.path ?? [])] });
    },
  };
}
