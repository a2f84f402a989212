import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, Reflector } from '@nestjs/core';
import { HEALTH_CHECKER, type Checker } from './health-checker.js';
import { CheckerNameTakenError } from './health-check.errors.js';

/** The checkers of the application by name: found among its providers, or registered. */
@Injectable()
export class HealthCheckers implements OnModuleInit {
  private readonly byName = new Map<string, Checker>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly reflector: Reflector,
  ) {}

  onModuleInit(): void {
    for (const { instance, metatype } of this.discovery.getProviders()) {
      const name = metatype ? this.reflector.get<string | undefined>(HEALTH_CHECKER, metatype) : undefined;
      if (name !== undefined) this.register(name, instance as Checker);
    }
  }

  /** @throws CheckerNameTakenError when another one has that name */
  register(name: string, checker: Checker): void {
    const taken = this.byName.get(name);
    if (taken !== undefined && taken !== checker) throw new CheckerNameTakenError(name);
    this.byName.set(name, checker);
  }

  find(name: string): Checker | undefined {
    return this.byName.get(name);
  }

  names(): string[] {
    return [...this.byName.keys()].sort();
  }
}
