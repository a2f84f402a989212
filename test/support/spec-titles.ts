import { readFileSync } from 'node:fs';
import ts from 'typescript';

const BLOCKS = new Set(['describe', 'it']);

/** The tests of a spec file as it has them written: the titles of the suites around each, then its own. */
export function specTitles(path: string): string[][] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  const titles: string[][] = [];
  const visit = (node: ts.Node, around: readonly string[]): void => {
    const block = blockOf(node);
    const within = block ? [...around, block.title] : around;
    if (block?.kind === 'it') titles.push([...within]);
    ts.forEachChild(node, (child) => visit(child, within));
  };
  visit(source, []);
  return titles;
}

/** `it('…')`, `describe.each(…)('…')` and their like. */
function blockOf(node: ts.Node): { kind: string; title: string } | undefined {
  if (!ts.isCallExpression(node)) return undefined;
  const [title] = node.arguments;
  if (!title || !ts.isStringLiteralLike(title)) return undefined;
  let called: ts.Expression = node.expression;
  while (ts.isCallExpression(called) || ts.isPropertyAccessExpression(called)) called = called.expression;
  if (!ts.isIdentifier(called) || !BLOCKS.has(called.text)) return undefined;
  return { kind: called.text, title: title.text };
}
