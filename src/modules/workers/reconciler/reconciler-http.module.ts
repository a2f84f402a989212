import { Get, Module } from '@nestjs/common';
import { ControlPlaneController } from '../../auth/control-plane.controller.js';
import { ReconcilerPreview, type ReconcilerPlan } from './reconciler-preview.js';

/** Says what the reconciler would change. */
@ControlPlaneController('reconciler')
export class ReconcilerController {
  constructor(private readonly preview: ReconcilerPreview) {}

  /** A dry run over everything: changes nothing. */
  @Get('plan')
  plan(): Promise<ReconcilerPlan> {
    return this.preview.plan();
  }
}

/** `GET /reconciler/plan`. Needs the `ReconcilerModule`. Who may see it: `HttpAccessModule`. */
@Module({ controllers: [ReconcilerController] })
export class ReconcilerHttpModule {}
