import { rm } from 'node:fs/promises';

/** Removes what the setup has built. */
export default async function removeCheckout() {
  const copy = process.env.TEST_CHECKOUT;
  delete process.env.TEST_CHECKOUT;
  if (copy) await rm(copy, { recursive: true, force: true });
}
