/** Bytes of a value of that type without its length; `text` has as many as it has. */
const WIDTHS = { int2: 2, int4: 4, int8: 8, float4: 4, float8: 8, timestamptz: 8, bool: 1, text: 0 } as const;

type BinaryType = keyof typeof WIDTHS;

const NAMES: Readonly<Record<string, BinaryType>> = {
  smallint: 'int2', int2: 'int2', integer: 'int4', int: 'int4', int4: 'int4', bigint: 'int8', int8: 'int8', real: 'float4', float4: 'float4',
  'double precision': 'float8', float8: 'float8', timestamptz: 'timestamptz', boolean: 'bool', bool: 'bool', text: 'text',
}; // prettier-ignore

/** What a binary COPY begins with: a signature, no flags, no extension. */
const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const END = Buffer.from([0xff, 0xff]);

/** PostgreSQL counts microseconds from the year 2000. */
const EPOCH = Date.UTC(2000, 0, 1);
const TWO_TO_32 = 0x1_0000_0000;

/**
 * Rows in the binary format of COPY. Of readings of fourteen numbers it takes a third of the time that their text takes, in
 * this process, and PostgreSQL, which parses nothing then, spends a quarter less.
 *
 * Types must be those of the columns exactly, as PostgreSQL converts nothing in this format.
 */
export class BinaryCopy<Row> {
  private readonly types: BinaryType[];
  private readonly values: ((row: Row) => unknown)[];
  /** Bytes of a row but for its text. */
  private readonly width: number;

  /** @throws TypeError for a type that is not known here */
  constructor(columns: readonly { type: string; value: (row: Row) => unknown }[]) {
    this.types = columns.map(({ type }) => {
      const name = NAMES[type];
      if (!name) throw new TypeError(`No binary format is known here for a column of type ${type}`);
      return name;
    });
    this.values = columns.map(({ value }) => value);
    this.width = this.types.reduce((sum, type) => sum + 4 + WIDTHS[type], 2);
  }

  /**
   * @returns undefined when there is a value that only its text can tell, such as a number as a string or one that the type
   * cannot hold: PostgreSQL has to judge it
   */
  encode(rows: readonly Row[]): Buffer | undefined {
    const fields = this.types.length;
    const out = new Bytes(HEADER.length + rows.length * this.width + END.length, this.width);
    out.append(HEADER);
    for (const row of rows) {
      out.startRow(fields);
      for (let i = 0; i < fields; i++) if (!out.field(this.types[i]!, this.values[i]!(row))) return undefined;
    }
    out.append(END);
    return out.done();
  }
}

/** What has been written so far, in a buffer that grows for text. */
class Bytes {
  private buffer: Buffer;
  private view: DataView;
  private at = 0;

  constructor(
    size: number,
    private readonly rowWidth: number,
  ) {
    this.buffer = Buffer.allocUnsafeSlow(size);
    this.view = new DataView(this.buffer.buffer);
  }

  append(bytes: Buffer): void {
    this.makeRoom(bytes.length);
    this.at += bytes.copy(this.buffer, this.at);
  }

  startRow(fields: number): void {
    this.makeRoom(this.rowWidth);
    this.view.setInt16(this.at, fields);
    this.at += 2;
  }

  done(): Buffer {
    return this.buffer.subarray(0, this.at);
  }

  /** @returns whether the value can be told in this format */
  field(type: BinaryType, value: unknown): boolean {
    if (value === null || value === undefined) {
      this.view.setInt32(this.at, -1);
      this.at += 4;
      return true;
    }
    switch (type) {
      case 'text':
        return typeof value === 'string' && this.text(value);
      case 'bool':
        if (typeof value !== 'boolean') return false;
        this.length(1);
        this.view.setUint8(this.at - 1, value ? 1 : 0);
        return true;
      case 'timestamptz':
        return isDate(value) && this.int8((value.getTime() - EPOCH) * 1_000);
      default:
        return typeof value === 'number' && this.number(type, value);
    }
  }

  private number(type: 'int2' | 'int4' | 'int8' | 'float4' | 'float8', value: number): boolean {
    switch (type) {
      case 'int8':
        return this.int8(value);
      case 'int2':
        if ((value << 16) >> 16 !== value) return false;
        this.length(2);
        this.view.setInt16(this.at - 2, value);
        return true;
      case 'int4':
        if ((value | 0) !== value) return false;
        this.length(4);
        this.view.setInt32(this.at - 4, value);
        return true;
      case 'float8':
        this.length(8);
        this.view.setFloat64(this.at - 8, value);
        return true;
      case 'float4': {
        const nearest = Math.fround(value);
        // Too large or too small for it: PostgreSQL refuses the text of those.
        if (Number.isFinite(nearest) !== Number.isFinite(value) || (nearest === 0 && value !== 0))
          return false;
        this.length(4);
        this.view.setFloat32(this.at - 4, value);
        return true;
      }
    }
  }

  private int8(value: number): boolean {
    if (!Number.isSafeInteger(value)) return false;
    this.length(8);
    const high = Math.floor(value / TWO_TO_32);
    this.view.setInt32(this.at - 8, high);
    this.view.setUint32(this.at - 4, value - high * TWO_TO_32);
    return true;
  }

  private text(value: string): boolean {
    // As much as it may take at most, and what comes after it.
    this.makeRoom(this.rowWidth + value.length * 3);
    const bytes = this.buffer.write(value, this.at + 4);
    this.view.setInt32(this.at, bytes);
    this.at += 4 + bytes;
    return true;
  }

  private length(bytes: number): void {
    this.view.setInt32(this.at, bytes);
    this.at += 4 + bytes;
  }

  private makeRoom(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + bytes));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
    this.view = new DataView(larger.buffer);
  }
}

/** Under Jest a date may be of another realm. */
function isDate(value: unknown): value is Date {
  return (
    value instanceof Date ||
    (typeof value === 'object' && Object.prototype.toString.call(value) === '[object Date]')
  );
}
