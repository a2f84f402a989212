import { type IncomingMessage, type ServerResponse } from 'node:http';
import { Controller, Get, Inject, Req, Res, UseGuards } from '@nestjs/common';
import { type PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { AccessGuard } from '../../core/http/access.guard.js';

/** `PrometheusExporter` of the app. */
export const METRICS = Symbol('metrics');

/** What Prometheus scrapes. */
@Controller('metrics')
@UseGuards(AccessGuard)
export class MetricsController {
  constructor(@Inject(METRICS) private readonly exporter: PrometheusExporter) {}

  @Get()
  metrics(@Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    this.exporter.getMetricsRequestHandler(request, response);
  }
}
