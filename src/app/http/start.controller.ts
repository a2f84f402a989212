import { Controller, Get, Redirect } from '@nestjs/common';

/** The address that the app prints leads to the page. */
@Controller()
export class StartController {
  @Get()
  @Redirect('dashboard/index.html', 302)
  enter(): void {}
}
