import {
  Controller,
  Get,
  Header,
  type HttpRedirectResponse,
  Param,
  Redirect,
  Req,
  type StreamableFile,
  UseFilters,
} from '@nestjs/common';
import { keepApart } from '../../http/global-interceptors.js';
import { undocumented } from '../../http/openapi.js';
import { ownPaths } from '../../http/own-paths.js';
import { ProblemDetailsFilter } from '../../http/problem-details.filter.js';
import { PageAssets } from './page-assets.js';

/** The page can only run its own files, and no other page can frame it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The page that shows the workers, under `/dashboard/`. It contains no data, so it needs no token: it reads the data from
 * the API, which requires one.
 */
@Controller('dashboard')
@UseFilters(ProblemDetailsFilter)
@keepApart
@ownPaths
@undocumented
export class PageController {
  constructor(private readonly assets: PageAssets) {}

  /**
   * Redirects to the address with a slash: the page's addresses are relative, and a browser would resolve them one level
   * too high without it. This address is relative too, so that it works behind a proxy that removes a part of the path.
   */
  @Get()
  @Redirect()
  enter(@Req() { url }: { url: string }): HttpRedirectResponse {
    const [path] = url.split('?');
    return { url: path!.endsWith('/') ? 'index.html' : 'dashboard/index.html', statusCode: 302 };
  }

  @Get('index.html')
  @Header('Content-Security-Policy', POLICY)
  @Header('X-Content-Type-Options', 'nosniff')
  @Header('Referrer-Policy', 'no-referrer')
  @Header('Cache-Control', 'no-cache')
  index(): StreamableFile {
    return this.assets.get('index.html');
  }

  /** File names change with the content. */
  @Get('assets/:name')
  @Header('X-Content-Type-Options', 'nosniff')
  @Header('Cache-Control', 'public, max-age=31536000, immutable')
  asset(@Param('name') name: string): StreamableFile {
    return this.assets.get(name);
  }
}
