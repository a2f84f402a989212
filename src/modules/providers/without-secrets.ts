import { type InstanceSpec } from './provider.js';

/** Values shorter than this are no secrets, and would riddle every log. */
const SHORTEST_SECRET = 6;

/** The text without the values of the environment of all services: they may be secrets, and programs print theirs when they fail. */
export function withoutSecrets(
  text: string,
  { env = {}, services = [] }: Pick<InstanceSpec, 'env' | 'services'>,
): string {
  const all = [env, ...services.map((service) => service.env ?? {})];
  const values = all
    .flatMap((each) => Object.values(each))
    .filter((value) => value.length >= SHORTEST_SECRET)
    // The longest first: else the rest of one that begins with another would be left.
    .toSorted((a, b) => b.length - a.length);
  return values.reduce((rest, value) => rest.replaceAll(value, '[env]'), text);
}
