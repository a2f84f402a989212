import { Injectable, NotFoundException, type PipeTransform } from '@nestjs/common';
import { parseId } from '../ids/typed-id.js';
import { type CheckedInstance, InstanceAccess } from './instance-access.js';

/** The instance of an id in a path. */
@Injectable()
export class InstancePipe implements PipeTransform<string, Promise<CheckedInstance>> {
  constructor(private readonly instances: InstanceAccess) {}

  /** @throws InvalidIdError, NotFoundException */
  async transform(id: string): Promise<CheckedInstance> {
    const [instance] = await this.instances.find([parseId('instance', id)]);
    if (!instance) throw new NotFoundException(`There is no instance ${id}`);
    return instance;
  }
}
