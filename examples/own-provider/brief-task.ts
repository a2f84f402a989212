/** What the instances run here: says that it runs, and ends a moment later. The reconciler starts it again. */
const name = process.argv[2] ?? 'task';
console.log(`${name} runs`);
setTimeout(() => console.log(`${name} ends`), 500);
