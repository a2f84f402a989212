// Metadata keys of `@nestjs/swagger`. Set directly, as the application may not have the package.
const SECURITY = 'swagger/apiSecurity';
const TAGS = 'swagger/apiUseTags';
const RESPONSE = 'swagger/apiResponse';
const OPERATION = 'swagger/apiOperation';
const PARAMETERS = 'swagger/apiParameters';

/** Metadata of a handler: the names of its query parameters. */
export const DOCUMENTED_QUERY = 'ctrlplane-workers:documented-query';

/** Security scheme of the operations; the application declares it by `addApiKey`. */
const SCHEME = 'workers-token';

/** A schema of OpenAPI 3.0. */
export type OpenApiSchema = Readonly<Record<string, unknown>>;

interface AnswerDocs {
  /** Default 200. */
  readonly status?: number;
  readonly description: string;
  readonly schema: OpenApiSchema;
  /** Media type; default JSON. */
  readonly type?: string;
}

export interface OperationDocs {
  readonly summary: string;
  /** All optional, by name. */
  readonly query?: Readonly<Record<string, OpenApiSchema>>;
  readonly body?: { readonly description: string; readonly schema: OpenApiSchema };
  readonly answer: AnswerDocs;
  /** Another answer, with another status. */
  readonly otherAnswer?: AnswerDocs;
}

const PROBLEM: OpenApiSchema = {
  type: 'object',
  required: ['type', 'title', 'status'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      items: { type: 'object', required: ['detail'], properties: { detail: { type: 'string' } } },
    },
  },
};

const REFUSALS: Record<number, string> = {
  400: 'The input cannot be used',
  401: 'The token is missing or wrong',
  403: 'Switched off, or refused by a guard of the application',
  404: 'There is no such thing',
  409: 'The state of things forbids it',
  413: 'The body is longer than the application reads',
  414: 'The path is too long',
  415: 'The body is no JSON',
  429: 'Too many wrong tokens came from this address',
  503: 'What is needed for it cannot be used at the moment',
};

/** Documents the security and the errors of all operations of a controller. */
export function securedApi(path: string): ClassDecorator {
  const content = { 'application/problem+json': { schema: PROBLEM } };
  const refusals = Object.entries(REFUSALS).map(([status, description]) => [
    status,
    { description, content },
  ]);
  return (controller) => {
    Reflect.defineMetadata(SECURITY, [{ [SCHEME]: [] }], controller);
    Reflect.defineMetadata(TAGS, [path.split('/')[0]], controller);
    Reflect.defineMetadata(RESPONSE, Object.fromEntries(refusals), controller);
  };
}

/** Excludes a controller from the API documentation. */
export function undocumented(controller: object): void {
  Reflect.defineMetadata('swagger/apiExcludeController', [true], controller);
}

/** Documents a handler's summary, parameters and answer for the application's API documentation. */
export function Documented({
  summary,
  query = {},
  body,
  answer,
  otherAnswer,
}: OperationDocs): MethodDecorator {
  const parameters = [
    ...Object.entries(query).map(([name, schema]) => ({ in: 'query', name, required: false, schema })),
    // Without a type, `@nestjs/swagger` would take the body's schema for that of a class.
    ...(body ? [{ in: 'body', required: false, type: String, ...body }] : []),
  ];
  const answers = [answer, ...(otherAnswer ? [otherAnswer] : [])].map(
    ({ status = 200, description, schema, type }) => [
      status,
      { description, ...(type === undefined ? { schema } : { content: { [type]: { schema } } }) },
    ],
  );
  return (_target, _key, { value }) => {
    const handler = value as object;
    Reflect.defineMetadata(OPERATION, { summary }, handler);
    Reflect.defineMetadata(PARAMETERS, parameters, handler);
    Reflect.defineMetadata(DOCUMENTED_QUERY, Object.keys(query), handler);
    Reflect.defineMetadata(RESPONSE, Object.fromEntries(answers), handler);
  };
}
