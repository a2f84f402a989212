import { classAndMessageOf } from '../text/describe-error.js';
import { type Wrapper } from './enhancers.js';
import { isSingleton } from './worker-calls.js';

/**
 * What a decorator was given as a function of the provider, which the application has by now.
 * @param what for messages: `its interval`
 * @param value the word for it when it is no function
 * @throws Error that says what is wrong, and the fix
 */
export function ofProvider<Value>(
  { wrapper, what, value }: { wrapper: Wrapper; what: string; value: string },
  give: (provider: never) => Value,
): Value {
  if (!isSingleton(wrapper))
    throw new Error(
      `a function gives ${what}, and there is no instance to ask: its provider, or one that it depends on, ` +
        `is request-scoped or transient. Give ${value} as a value`,
    );
  let given: Value;
  try {
    given = give(wrapper.instance as never);
  } catch (error) {
    throw new Error(`the function that gives ${what} threw: ${classAndMessageOf(error)}`);
  }
  if (!(given instanceof Promise)) return given;
  given.catch(() => {});
  throw new Error(
    `the function that gives ${what} returned a promise: return ${value}, which the provider has by now`,
  );
}
