import { Get, Module, Param } from '@nestjs/common';
import { toWire, type Wire } from '../../../core/http/wire.js';
import { ControlPlaneController } from '../../auth/control-plane.controller.js';
import { parseId } from '../../ids/typed-id.js';
import { ReconcilerPreview, type ReconcilerPlan } from './reconciler-preview.js';
import { ReconcilerStatus, type ReconcileStatus } from './reconciler-status.js';

/** Says what the reconciler would change, and how and when things were last reconciled. */
@ControlPlaneController('reconciler')
export class ReconcilerController {
  constructor(
    private readonly preview: ReconcilerPreview,
    private readonly status: ReconcilerStatus,
  ) {}

  /** A dry run over everything: changes nothing. */
  @Get('plan')
  plan(): Promise<ReconcilerPlan> {
    return this.preview.plan();
  }

  @Get('instances/:tenant/:id')
  async instance(@Param('tenant') tenant: string, @Param('id') id: string): Promise<Wire<ReconcileStatus>> {
    return toWire(await this.status.ofInstance(parseId('tenant', tenant), parseId('instance', id)));
  }

  @Get('workloads/:tenant/:id')
  async workload(@Param('tenant') tenant: string, @Param('id') id: string): Promise<Wire<ReconcileStatus>> {
    return toWire(await this.status.ofWorkload(parseId('tenant', tenant), parseId('workload', id)));
  }

  @Get('datacenters/:tenant/:id')
  async datacenter(@Param('tenant') tenant: string, @Param('id') id: string): Promise<Wire<ReconcileStatus>> {
    return toWire(await this.status.ofDatacenter(parseId('tenant', tenant), parseId('datacenter', id)));
  }
}

/** `GET /reconciler/plan`, and the status of single things. Needs the `ReconcilerModule`. Who may: `HttpAccessModule`. */
@Module({ controllers: [ReconcilerController] })
export class ReconcilerHttpModule {}
