import { Controller, Get, Header, type INestApplication, Injectable, UseGuards } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { AccessGuard } from '../../core/http/access.guard.js';

/** What the application's HTTP interface is, made when somebody asks for it first: the start does not wait for it. */
@Injectable()
export class OpenApiDocument {
  private app?: INestApplication;
  private made?: OpenAPIObject;

  /** Told once, before the application listens: only the application itself knows all of its controllers. */
  of(app: INestApplication): void {
    this.app = app;
  }

  get(): OpenAPIObject {
    return (this.made ??= SwaggerModule.createDocument(
      this.app!,
      new DocumentBuilder()
        .setOpenAPIVersion('3.1.0')
        .setTitle('ctrlplane-workers')
        .setDescription('Workers and the control plane of the reference app')
        .setVersion('1')
        // As `@ApiController` names it.
        .addApiKey({ type: 'apiKey', in: 'header', name: 'X-Workers-Token' }, 'workers-token')
        .build(),
    ));
  }
}

/** For generators of clients, and for those who look. */
@Controller('openapi.json')
@UseGuards(AccessGuard)
export class OpenApiController {
  constructor(private readonly document: OpenApiDocument) {}

  @Get()
  @Header('Cache-Control', 'no-cache')
  show(): OpenAPIObject {
    return this.document.get();
  }
}
