import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parsePrometheusText, toPrometheusLine } from './prometheus-text.js';

describe('parsePrometheusText', () => {
  it('reads names, labels, values, timestamps and kinds', () => {
    const text = `# HELP http_requests_total All of them.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{ method = "get" , } 3
# TYPE up gauge
up 1
# TYPE latency histogram
latency_bucket{le="+Inf"} 144320
latency_sum 5.3423e+04
latency_count 144320
escaped{path="C:\\\\DIR\\\\F.TXT",error="say \\"x\\"\\n}"} 1.458255915e9
nothing_to_tell NaN
no_bound +Inf
# EOF`;
    const { samples, unreadable, more } = parsePrometheusText(text, { most: 100 });
    expect(samples).toEqual([
      { name: 'http_requests_total', labels: { method: 'post', code: '200' }, value: 1027, kind: 'counter', at: new Date(1395066363000) },
      { name: 'http_requests_total', labels: { method: 'get' }, value: 3, kind: 'counter' },
      { name: 'up', labels: {}, value: 1, kind: 'gauge' },
      { name: 'latency_bucket', labels: { le: '+Inf' }, value: 144320, kind: 'counter' },
      { name: 'latency_sum', labels: {}, value: 53423, kind: 'counter' },
      { name: 'latency_count', labels: {}, value: 144320, kind: 'counter' },
      { name: 'escaped', labels: { path: 'C:\\DIR\\F.TXT', error: 'say "x"\n}' }, value: 1458255915, kind: 'gauge' },
    ]); // prettier-ignore
    expect({ unreadable, more }).toEqual({ unreadable: 0, more: false });
  });

  it('leaves out what it cannot read, and says how much and whether there was more', () => {
    const text = '<html>\n9lives 1\na{b=c} 1\na{b="c} 1\nfine 1\na one\na\nfine 2\nfine 3';
    expect(parsePrometheusText(text, { most: 2 })).toMatchObject({
      samples: [{ value: 1 }, { value: 2 }],
      unreadable: 6,
      more: true,
    });
  });

  const read = (text: string) => parsePrometheusText(text, { most: 100 });

  it.each<[string, object[]]>([
    ['a 1e400\nb -1e999\nc 1e-999', [{ name: 'c', value: 0 }]],
    ['a +Inf\nb -inf\nc nan\nd NaN', []],
    ['a 1 99999999999999\nb 1 -5', [{ at: new Date(99_999_999_999_999) }, { at: new Date(-5) }]],
    ['a 1 1e300', [{ at: expect.any(Date) }]],
    ['a{l="x"} 1\r\nb 2\r\n', [{ labels: { l: 'x' } }, { name: 'b', value: 2 }]],
    ['a{__proto__="x"} 1', [{ labels: JSON.parse('{"__proto__":"x"}') as object }]],
    ['a{l="\uFFFD"} 1', [{ labels: { l: '\uFFFD' } }]],
    ['a{l="}"} 1 # {trace="b"} 1 2', [{ labels: { l: '}' }, value: 1 }]],
    ['a{} 1', [{ labels: {} }]],
    ['a\t1\t5', [{ value: 1, at: new Date(5) }]],
  ])('reads %j', (text, expected) => {
    const { samples, unreadable } = read(text);
    expect(samples).toMatchObject(expected);
    expect({ unreadable, samples: samples.length }).toEqual({ unreadable: 0, samples: expected.length });
  });

  it.each([
    'a{l="x",l="y"} 1', 'a{l="x" m="y"} 1', 'a{l=""', 'a{l="x\\', 'a{,} 1', 'a 1_000', 'a 0x10', 'a 1 2 3', 'a 1 soon',
    'a1', '{l="x"} 1', 'a "1"', 'a\u00a01', '\u0000', `a{l="${'x'.repeat(200_000)}"} 1`,
  ])('leaves out %j', (line) => {
    expect(read(`${line}\nfine 1`)).toMatchObject({ samples: [{ name: 'fine' }], unreadable: 1 });
  }); // prettier-ignore

  it('takes the timestamps of OpenMetrics as seconds, and ends where it says so', () => {
    const text = '# TYPE a counter\na_total 1 1395066363.5\n# EOF\nb 2\n';
    expect(parsePrometheusText(text, { most: 100, openMetrics: true }).samples).toEqual([
      { name: 'a_total', labels: {}, value: 1, kind: 'counter', at: new Date(1_395_066_363_500) },
    ]);
  });

  // A pattern that looks back takes hours over these: the spec would end by its timeout.
  it.each<[string, string]>([
    ['blanks', `a${' '.repeat(5e6)}`],
    ['braces', `a{${'}'.repeat(5e6)}`],
    ['backslashes', `a{l="${'\\'.repeat(5e6)}`],
    ['words', `a ${'1 '.repeat(2.5e6)}`],
    ['blank labels', `a{${'l = "x" , '.repeat(5e5)}`],
    ['long lines', `a{l="${'x'.repeat(99_000)}" \n`.repeat(50)],
    ['lines of blanks', `a${' '.repeat(99_000)}x\n`.repeat(50)],
    ['types', `# TYPE ${'a '.repeat(2.5e6)}`],
    ['comments', '#\n'.repeat(2.5e6)],
  ])('is through five megabytes of %s at once', (_, text) => {
    expect(read(text).samples).toEqual([]);
  });

  it('reads what it writes', () => {
    const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/);
    const label = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]*$/).filter((key) => key !== '__proto__');
    const value = fc.string().filter((text) => !text.includes('\r'));
    fc.assert(
      fc.property(name, fc.dictionary(label, value), fc.double({ noNaN: true, noDefaultInfinity: true }), (metric, labels, number) => {
        const line = toPrometheusLine(metric, labels, number, new Date(5));
        const [sample] = parsePrometheusText(line, { most: 1 }).samples;
        expect(sample).toEqual({ name: metric, labels: { ...labels }, value: number + 0, kind: 'gauge', at: new Date(5) });
      }),
    ); // prettier-ignore
  });
});
