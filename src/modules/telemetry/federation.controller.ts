import {
  Controller,
  Get,
  Header,
  Inject,
  Injectable,
  Optional,
  StreamableFile,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { Readable } from 'node:stream';
import { AccessGuard } from '../../core/http/access.guard.js';
import { HTTP_ACCESS, type HttpAccess } from '../../core/http/access.js';
import { keepApart } from '../../core/http/global-interceptors.js';
import { ownPaths } from '../../core/http/own-paths.js';
import { ProblemDetailsFilter } from '../../core/http/problem-details.filter.js';
import { requireCrossTenant } from '../auth/claims.js';
import { HttpClaimsInterceptor } from '../auth/http-claims.interceptor.js';
import { type InstanceId } from '../ids/typed-id.js';
import { toPrometheusLine } from './prometheus-text.js';
import { RESOURCE_METRIC_NAMES, RESOURCE_METRICS } from './resource-metrics.js';
import { TelemetryStore } from './telemetry.store.js';

/** All tenants are in it: it needs the token also where reads are open. */
@Injectable()
export class FederationGuard extends AccessGuard {
  constructor(@Optional() @Inject(HTTP_ACCESS) access: HttpAccess = {}) {
    super({ ...access, openReads: false });
  }
}

/** Points that are older are not what is measured now. As long as Prometheus looks back. */
const LOOK_BACK_MS = 300_000;
const PAGE = 1_000;

/** The latest of everything, for a Prometheus to scrape (`honor_labels: true`). */
@Controller('telemetry')
@UseGuards(FederationGuard)
@UseFilters(ProblemDetailsFilter)
@UseInterceptors(HttpClaimsInterceptor)
@keepApart
@ownPaths
export class FederationController {
  constructor(private readonly store: TelemetryStore) {}

  /** Read and written page by page, whatever the number of instances. */
  @Get('federate')
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  federate(): StreamableFile {
    requireCrossTenant();
    return new StreamableFile(Readable.from(this.lines()), {
      type: 'text/plain; version=0.0.4; charset=utf-8',
    });
  }

  private async *lines(): AsyncGenerator<string> {
    const since = new Date(Date.now() - LOOK_BACK_MS);
    // A metric's lines belong together, so all readings are looked through for each: they fit a page or a few.
    const readings = [];
    for (let after: InstanceId | undefined; ;) {
      const page = await this.store.latestResourcesAcrossTenants({ since, after, limit: PAGE });
      readings.push(...page);
      if (page.length < PAGE) break;
      after = page.at(-1)!.instanceId;
    }
    for (const metric of RESOURCE_METRIC_NAMES) {
      const { column, kind } = RESOURCE_METRICS[metric];
      const name = `instance_${column}${kind === 'counter' ? '_total' : ''}`;
      const lines = readings.flatMap((reading) =>
        reading[metric] === null
          ? []
          : [
              toPrometheusLine(
                name,
                { tenant: reading.tenantId, instance: reading.instanceId },
                reading[metric],
                reading.at,
              ),
            ],
      );
      if (lines.length > 0)
        yield `# TYPE ${name} ${kind === 'counter' ? 'counter' : 'gauge'}\n${lines.join('\n')}\n`;
    }
    for (let after = 0; ;) {
      const page = await this.store.latestSamplesAcrossTenants({ since, after, limit: PAGE });
      if (page.length > 0)
        yield page
          .map(({ tenantId, series, at, value }) => {
            const own = {
              ...series.labels,
              tenant: tenantId,
              ...(series.instanceId && { instance: series.instanceId }),
            };
            return `${toPrometheusLine(series.name, own, value, at)}\n`;
          })
          .join('');
      if (page.length < PAGE) return;
      after = page.at(-1)!.series.id;
    }
  }
}
