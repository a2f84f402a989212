/** Ends the command, without a word, when nobody reads its output any more, as `| head` does when it has enough. */
export function endWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}
