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
    const { samples, unreadable, more } = parsePrometheusText(text, 100);
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
    expect(parsePrometheusText(text, 2)).toMatchObject({
      samples: [{ value: 1 }, { value: 2 }],
      unreadable: 6,
      more: true,
    });
  });

  it('reads what it writes', () => {
    const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/);
    const label = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]*$/).filter((key) => key !== '__proto__');
    const value = fc.string().filter((text) => !text.includes('\r'));
    fc.assert(
      fc.property(name, fc.dictionary(label, value), fc.double({ noNaN: true, noDefaultInfinity: true }), (metric, labels, number) => {
        const line = toPrometheusLine(metric, labels, number, new Date(5));
        const [sample] = parsePrometheusText(line, 1).samples;
        expect(sample).toEqual({ name: metric, labels: { ...labels }, value: number + 0, kind: 'gauge', at: new Date(5) });
      }),
    ); // prettier-ignore
  });
});
