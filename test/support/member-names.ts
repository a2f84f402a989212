import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** Names of the members that an interface or a type of a file declares, also in the parts of an intersection. */
export function memberNames(path: string, type: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  const found = source.statements.find(
    (statement) =>
      (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) &&
      statement.name.text === type,
  );
  if (!found) throw new Error(`${path} declares no ${type}`);
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (!ts.isPropertySignature(node)) return ts.forEachChild(node, visit);
    names.add(node.name.getText(source));
  };
  visit(found);
  return [...names];
}
