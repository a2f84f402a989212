import { z } from 'zod';
import { type OpenApiDocument } from './fuzz-app.js';

export interface FuzzAnswer {
  status: number;
  /** Media type without parameters. */
  type?: string | undefined;
  body: string;
}

/** Compares answers with the document: clients that are generated from it take no others. */
export class DocumentedAnswers {
  private readonly schemas = new Map<object, z.ZodType>();

  constructor(private readonly document: OpenApiDocument) {}

  /** @returns what the document does not say of the answer to an operation of it */
  faultOf(template: string, method: string, { status, type = '', body }: FuzzAnswer): string | undefined {
    const operation = this.document.paths[template]?.[method];
    // A method that the path does not have is no operation.
    if (!operation || status === 405) return undefined;
    const documented = operation.responses[status];
    if (!documented) return `${status} is no documented answer`;
    const { content = {} } = documented;
    if (status === 204 || type === 'text/event-stream')
      return body === '' ? undefined : `${status} has a body`;
    const schema = content[type]?.schema;
    if (!schema) return `${status} is no documented ${type || 'answer without a type'}`;
    const { success, error } = this.parserOf(schema).safeParse(JSON.parse(body));
    return success ? undefined : `${status} is not as documented (${z.prettifyError(error)}): ${body}`;
  }

  private parserOf(schema: object): z.ZodType {
    let parser = this.schemas.get(schema);
    if (!parser)
      this.schemas.set(schema, (parser = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])));
    return parser;
  }
}
