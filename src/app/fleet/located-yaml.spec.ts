import { describe, expect, it } from '@jest/globals';
import { type KeyPath, LocatedYaml } from './located-yaml.js';

/** The problems as `line:column message`. */
const problemsOf = (text: string) =>
  new LocatedYaml(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);

describe('LocatedYaml', () => {
  it('gives the plain value, aliases filled in', () => {
    const { value, problems } = new LocatedYaml('a: &x [1, two]\nb: { c: *x, d: null, e: no }');
    expect(value).toEqual({ a: [1, 'two'], b: { c: [1, 'two'], d: null, e: 'no' } });
    expect(problems).toEqual([]);
  });

  it.each(['', '\n', '# a comment\n', '---\n'])('gives null for the empty text %j', (text) => {
    expect(new LocatedYaml(text)).toMatchObject({ value: null, problems: [] });
  });

  it.each([
    ['a key', ['list', 1, 'name'], '4:5'],
    ['a list item', ['list', 1], '4:5'],
    ['a key after a comment', ['last'], '7:1'],
    ['a key in a flow map', ['last', 'x', 'y'], '7:14'],
    ['a key behind an alias, where it is written', ['alias', 1, 'name'], '4:5'],
    ['what should hold a missing key', ['list', 0, 'nothing', 'below'], '3:5'],
    ['the whole text', [], '2:1'],
  ])('knows where %s stands', (_, path, expected) => {
    const text = '# first\nlist: &l\n  - name: a\n  - name: b\nalias: *l\n# last\nlast: { x: { y: 1 } }\n';
    const { line, column } = new LocatedYaml(text).positionOf(path as KeyPath);
    expect(`${line}:${column}`).toBe(expected);
  });

  it.each([
    ['an open bracket', 'tenants: [1,\n  2', /^2:4 Flow sequence .* end with a \]$/],
    ['a tab as indentation', 'tenants:\n\t- name: a', /^2:1 Tabs are not allowed/],
    ['a reserved character', 'tenants: @home', /^1:10 Plain value cannot start with reserved character @$/],
    ['an unknown tag', 'tenants: !secret []', /^1:10 this tag \(!\) is not known/],
    ['a second document', 'tenants: []\n---\ntenants: []', /^2:1 a second YAML document starts here/],
  ])('reports %s with its place, and gives no value', (_, text, expected) => {
    expect(problemsOf(text)[0]).toMatch(expected);
    expect(new LocatedYaml(text).value).toBeUndefined();
  });

  it('reports every problem, in the order of the text', () => {
    expect(problemsOf('a: "\\q"\nb: *nope\nc: @x\nd: *neither')).toEqual([
      expect.stringMatching(/^1:5 a backslash in double quotes begins an escape/),
      expect.stringMatching(/^2:4 this alias \(\*\) refers to nothing/),
      '3:4 Plain value cannot start with reserved character @',
      expect.stringMatching(/^4:4 this alias \(\*\) refers to nothing/),
    ]);
  });

  it('reports a key that is there twice, and takes the last for the value', () => {
    const yaml = new LocatedYaml('a: 1\nb: 2\na: 3\n');
    expect(yaml.problems).toEqual([
      { line: 3, column: 1, message: 'this key is there twice: remove one of them' },
    ]);
    expect(yaml.value).toEqual({ a: 3, b: 2 });
    expect(yaml.positionOf(['a'])).toEqual({ line: 3, column: 1 });
  });

  it('does not expand aliases that stand for billions of values', () => {
    const laughs = ['a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]'];
    for (let i = 1; i < 12; i++)
      laughs.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    const yaml = new LocatedYaml(laughs.join('\n'));
    expect(yaml.problems.map(({ message }) => message)).toEqual([
      'its aliases stand for more than 1000 values: write them out',
    ]);
    expect(yaml.value).toBeUndefined();
  });

  it('gives up on endless nesting with one problem', () => {
    expect(problemsOf('['.repeat(100_000))).toEqual([
      expect.stringMatching(/^1:\d+ it is nested too deeply$/),
    ]);
  });

  it('survives an anchor that holds itself', () => {
    const { value, problems } = new LocatedYaml('loop: &loop [*loop]');
    expect(problems).toEqual([]);
    expect(value).toMatchObject({ loop: [expect.any(Array)] });
  });

  it('does not quote the lines around a problem, for they may hold a secret', () => {
    const problems = problemsOf('env: { TOKEN: hunter2 }\nlist: [\n');
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain('hunter2');
  });

  it('refuses few aliases that stand for many values', () => {
    const text = `list: &list [${'a, '.repeat(2_000)}a]\nall:\n${'  - *list\n'.repeat(150)}`;
    expect(new LocatedYaml(text).problems).toMatchObject([
      { message: 'it stands for more than 200000 values, aliases written out' },
    ]);
    expect(new LocatedYaml(text.replaceAll(/( {2}- \*list\n){100}/g, '')).problems).toEqual([]);
  });
});
