import { QueryPipe } from '../../core/http/query.pipe.js';

/** `?set=` of a decision: the set that a list has shown. @param list its path */
export function decision(list: string): QueryPipe<{ set: (given: string | undefined) => string }> {
  return new QueryPipe({
    set: (given) => {
      if (given !== undefined && /^[0-9a-f]{32}$/.test(given)) return given;
      throw new Error(`give the set that GET /${list} shows`);
    },
  });
}
