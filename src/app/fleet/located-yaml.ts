import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
} from 'yaml';

/** Keys and list indexes from the top of the file to a value. */
export type KeyPath = readonly PropertyKey[];

/** A place in the text, both from 1. */
export interface Position {
  line: number;
  column: number;
}

/**
 * How many aliases of one anchor are expanded, those inside it counted. A file of a few lines can otherwise
 * stand for billions of values ("billion laughs").
 */
const MAX_ALIASES = 1000;
/** How many values a text may stand for: few aliases of one long list are many as well, and each is checked. */
const MAX_VALUES = 200_000;

/** A YAML text as a plain value that still knows in which line each of its parts stands. */
export class LocatedYaml {
  /** What is wrong with it as YAML, duplicate keys included, in the order of the text. */
  readonly problems: readonly (Position & { message: string })[];
  /** The plain value; undefined when it has none because of those problems. */
  readonly value: unknown;

  private readonly document: Document.Parsed;
  private readonly lines = new LineCounter();

  constructor(text: string) {
    // Pretty errors quote the lines around, and those may hold a secret.
    this.document = parseDocument(text, {
      lineCounter: this.lines,
      prettyErrors: false,
      logLevel: 'error',
    });
    const { warnings } = this.document;
    // What follows after it gave up is noise: one error for each bracket left open.
    const gaveUp = this.document.errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
    const errors = gaveUp ? [gaveUp] : this.document.errors;
    const duplicates = errors.filter(({ code }) => code === 'DUPLICATE_KEY');
    const found = [...errors, ...warnings].map(({ pos, code, message }) => ({
      offset: pos[0],
      message: REWORDED[code] ?? message,
    }));
    found.push(...this.danglingAliases());

    // A map with a duplicate key still has a value, so that the rest of it can be checked in the same round.
    if (found.length === duplicates.length) {
      try {
        const value: unknown = this.document.toJS({ maxAliasCount: MAX_ALIASES });
        if (this.valuesIn(this.document.contents) <= MAX_VALUES) this.value = value;
        else
          found.push({
            offset: 0,
            message: `it stands for more than ${MAX_VALUES} values, aliases written out`,
          });
      } catch (error) {
        if (!(error instanceof ReferenceError)) throw error;
        found.push({
          offset: 0,
          message: `its aliases stand for more than ${MAX_ALIASES} values: write them out`,
        });
      }
    }
    this.problems = found
      .sort((a, b) => a.offset - b.offset)
      .map(({ offset, message }) => ({ ...this.at(offset), message }));
  }

  /** How many values that stands for, with aliases written out; what holds itself counts once in itself. */
  private valuesIn(node: unknown, sizes = new Map<unknown, number>()): number {
    if (isAlias(node)) return this.valuesIn(node.resolve(this.document), sizes);
    if (!isMap(node) && !isSeq(node)) return 1;
    const known = sizes.get(node);
    if (known !== undefined) return known;
    sizes.set(node, 1);
    let size = 1;
    for (const item of node.items) size += this.valuesIn(isPair(item) ? item.value : item, sizes);
    sizes.set(node, size);
    return size;
  }

  /** Where the key of that path stands, or the list item; of a key that is missing, what should hold it. */
  positionOf(path: KeyPath): Position {
    let node: unknown = this.document.contents;
    let offset = this.document.contents?.range[0] ?? 0;
    for (const step of path) {
      if (isAlias(node)) node = node.resolve(this.document);
      if (isMap(node)) {
        const pair = node.items.findLast(({ key }) => isScalar(key) && String(key.value) === step);
        if (!isScalar(pair?.key)) break;
        offset = pair.key.range?.[0] ?? offset;
        node = pair.value;
      } else if (isSeq(node)) {
        const item = node.items[Number(step)] as { range?: [number, number, number] } | undefined;
        offset = item?.range?.[0] ?? offset;
        node = item;
      } else break;
    }
    return this.at(offset);
  }

  /** The parser leaves these to `toJS`, which says neither where they are nor that there are several. */
  private danglingAliases(): { offset: number; message: string }[] {
    const anchors = new Set<string>();
    const found: { offset: number; message: string }[] = [];
    visit(this.document, {
      Value: (_, { anchor }) => void (anchor && anchors.add(anchor)),
      Alias: (_, { source, range }) => {
        if (!anchors.has(source))
          found.push({
            offset: range?.[0] ?? 0,
            message:
              'this alias (*) refers to nothing: put its anchor (&) before it, or put a text that begins with * in quotes',
          });
      },
    });
    return found;
  }

  private at(offset: number): Position {
    const { line, col } = this.lines.linePos(offset);
    return { line, column: col };
  }
}

const UNREADABLE =
  'it cannot be read from here on: look for quotes, brackets or an indentation that do not match';

/** What the parser's own words would leave a reader guessing at. */
const REWORDED: Record<string, string | undefined> = {
  DUPLICATE_KEY: 'this key is there twice: remove one of them',
  MULTIPLE_DOCS: 'a second YAML document starts here: put everything into one, without ---',
  // The parser's words quote what stands there, which may be a secret.
  BAD_ALIAS: 'this alias (*) is none: put a text that begins with * in quotes',
  BAD_COLLECTION_TYPE: 'the tag (!) does not fit what follows it',
  BAD_DIRECTIVE:
    'a line that begins with % is a directive, and none that is known: put such a text in quotes',
  BAD_DQ_ESCAPE:
    'a backslash in double quotes begins an escape, and this one is none: write it twice, or use single quotes',
  IMPOSSIBLE: UNREADABLE,
  TAG_RESOLVE_FAILED: 'this tag (!) is not known: put a text that begins with ! in quotes',
  UNEXPECTED_TOKEN: UNREADABLE,
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
};
