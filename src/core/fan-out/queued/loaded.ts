/**
 * Loads an optional package.
 * @throws Error that says what to install
 */
export async function loaded<T>(factory: string, packages: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new Error(`${factory} needs packages that are not installed: npm install ${packages}`, {
      cause: error,
    });
  }
}
