import { type Random } from '../simulation/random.js';
import { TOKEN, type OpenApiDocument, type Operation, type Schema } from './fuzz-app.js';

export interface FuzzRequest {
  /** Of the document. */
  template: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
  authorized: boolean;
}

/** What is known to exist, so that not everything ends with a 404. */
export interface Known {
  workers: readonly string[];
  /** Ids, by the path of their list. */
  ids: Readonly<Record<string, readonly string[]>>;
}

/** Values that somebody might send by mistake, or to see what happens. */
const HOSTILE = [
  '', ' ', '0', '-1', '1e9', 'NaN', 'null', 'true', '[]', '{}', '%00', '\u0000', '\ud800', '💥', '\u202eleft', '\u001b[31m', '../../etc/passwd',
  "';--", '$where', '__proto__', 'constructor', 'a'.repeat(5_000), '2030-13-45T99:99:99Z', '9999999999999999999999', '<script>', '%', '%zz', '1;2', 'a,b,c',
  '0_00000000-0000-0000-0000-000000000000', '999999999999999_ffffffff-ffff-ffff-ffff-ffffffffffff', '00000000-0000-0000-0000-000000000000', '{"$ne":1}',
  '+020000-01-01T00:00:00Z', '0000-01-01T00:00:00Z', '-271821-04-20T00:00:00Z',
]; // prettier-ignore

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options'];

/** One request, from the document, with values that fit it and values that do not. */
export function makeRequest(
  document: OpenApiDocument,
  random: Random,
  known: Known,
  authorized: boolean,
): FuzzRequest {
  const pick = <T>(list: readonly T[]): T => random.pick(list);
  const chance = (share: number): boolean => random.chance(share);
  const [template, operations] = pick(Object.entries(document.paths));
  const [documented, operation] = pick(Object.entries(operations));
  const method = chance(0.05) ? pick(METHODS) : documented;
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) =>
    segment(chance(0.75) ? pick(name === 'name' ? known.workers : idsOf(template, known)) : pick(HOSTILE)),
  );
  const headers: Record<string, string> = {};
  if (authorized) headers['x-workers-token'] = TOKEN;
  if (chance(0.1)) headers['x-workers-actor'] = pick(['ann', 'x'.repeat(2_000), 'caf%C3%A9']);
  if (chance(0.05)) headers['accept'] = pick(['text/html', 'application/xml', '*/*;q=0', 'nonsense']);
  if (chance(0.05)) headers['origin'] = pick(['https://evil.example', 'null', 'nonsense']);
  if (chance(0.05))
    headers['cookie'] = pick(['ctrlplane_workers_session=1.x', 'ctrlplane_workers_session=', ';;;==']);
  const request: FuzzRequest = {
    template,
    method: method.toUpperCase(),
    path: path + query(operation, pick, chance),
    headers,
    authorized,
  };
  if (!['get', 'head'].includes(method) && (operation.requestBody || chance(0.2))) {
    const schema = operation.requestBody?.content['application/json']?.schema ?? {};
    headers['content-type'] = chance(0.9)
      ? 'application/json'
      : pick([
          'text/plain',
          'application/x-www-form-urlencoded',
          'nonsense',
          'application/json; charset=utf-7',
        ]);
    request.body = body(schema, pick, chance, random);
  }
  return request;
}

function idsOf(template: string, { ids }: Known): readonly string[] {
  const known = ids[template.replace(/\/\{.*/, '')] ?? [];
  return known.length > 0 ? known : ['x'];
}

/** As a client would send it; what is no text that can be encoded goes as it is escaped already. */
function segment(value: string): string {
  if (value === '') return '%20';
  return value.includes('%') || !value.isWellFormed()
    ? encodeURI(value.replaceAll('\ud800', '%ED%A0%80').replaceAll('%', '%25')).replaceAll('%2500', '%00')
    : encodeURIComponent(value);
}

type Pick = <T>(list: readonly T[]) => T;
type Chance = (share: number) => boolean;

function query(operation: Operation, pick: Pick, chance: Chance): string {
  const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
  const pairs: string[] = [];
  for (const { name, schema = {} } of parameters) {
    if (!chance(0.35)) continue;
    const value = chance(0.6) ? fitting(name, schema, pick) : pick(HOSTILE);
    pairs.push(`${name}=${value === '%zz' ? value : encodeURIComponent(value.toWellFormed())}`);
    if (chance(0.05)) pairs.push(pick([`${name}=1`, `${name}[]=1`, `${name}[a]=1`]));
  }
  if (chance(0.05))
    pairs.push(pick(['verbose=1', '__proto__=1', 'constructor[prototype]=1', '=', '&&', 'a'.repeat(3_000)]));
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

function fitting(name: string, schema: Schema, pick: Pick): string {
  if (schema.enum) return String(pick(schema.enum));
  if (name === 'wait') return pick(['1ms', '10ms', '50']);
  if (name === 'outcome') return pick(['failed', 'running', 'failed,succeeded']);
  if (name === 'state') return pick(['idle', 'paused', 'idle,stuck']);
  if (name === 'condition') return pick(['failing', 'stale,stuck']);
  if (schema.format === 'date-time') return pick(['2020-01-01T00:00:00Z', '2999-01-01T00:00:00+02:00']);
  if (schema.type === 'integer') return pick(['1', '5', '1000']);
  if (schema.type === 'boolean') return pick(['true', 'false']);
  return pick(['plain', 'fails', 'a', 'as told']);
}

function body(schema: Schema, pick: Pick, chance: Chance, random: Random): string {
  if (chance(0.1))
    return pick([
      '',
      '{',
      'null',
      '"',
      '[',
      '\u0000',
      '{"a":1}}',
      '['.repeat(5_000),
      '{"__proto__":{"x":1}}',
      'a=1&b=2',
      `"${'x'.repeat(150_000)}"`,
    ]);
  if (chance(0.1))
    return JSON.stringify({
      ['__proto__x']: 1,
      constructor: { prototype: {} },
      text: '\u0000\ud800',
      deep: nested(300),
    });
  return JSON.stringify(value(schema, pick, chance, random, 0)) ?? 'null';
}

function value(schema: Schema, pick: Pick, chance: Chance, random: Random, depth: number): unknown {
  if (chance(0.15) || depth > 4) return pick([null, 0, -1.5, 1e308, '', 'x', [], {}, true, pick(HOSTILE)]);
  if (schema.enum) return pick(schema.enum);
  if (schema.oneOf) return value(pick(schema.oneOf), pick, chance, random, depth);
  if (schema.properties) {
    const entries = Object.entries(schema.properties).filter(() => chance(0.6));
    return Object.fromEntries(
      entries.map(([name, one]) => [name, value(one, pick, chance, random, depth + 1)]),
    );
  }
  if (schema.type === 'integer' || schema.type === 'number') return random.integer(0, 100_000);
  if (schema.format === 'date-time') return '2999-01-01T00:00:00Z';
  if (schema.type === 'string')
    return pick(['30s', '1h', 'Europe/Berlin', '*/5 * * * *', 'text', pick(HOSTILE)]);
  return pick([null, 1, 'text', [1, 2], { a: { b: [null] } }]);
}

function nested(depth: number): unknown {
  return depth === 0 ? 0 : [nested(depth - 1)];
}
