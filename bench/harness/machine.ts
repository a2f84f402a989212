import { cpus, loadavg, totalmem } from 'node:os';

/** Where figures were taken. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  /** Of the last minute. Above the number of cores, others were in the way. */
  readonly loadAverage: number;
}

export function thisMachine(): Machine {
  const [first] = cpus();
  return {
    cpu: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    loadAverage: Number(loadavg()[0]!.toFixed(2)),
  };
}
