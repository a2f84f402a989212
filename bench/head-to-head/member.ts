import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Contender, CONTENDERS, type Member } from './contenders.js';
import { Effects } from './effects.js';

/** What a process is told. */
export interface Part extends Omit<Member, 'job'> {
  readonly contender: Contender;
  /** URL of the database of effects, and which of its trials this is. */
  readonly effects: string;
  readonly trial: number;
}

const { contender, effects: url, trial, ...member } = JSON.parse(process.argv[2]!) as Part;
const effects = new Effects(url, trial);

await CONTENDERS[contender]({
  ...member,
  job: async (of) => {
    const run = randomUUID();
    await effects.write({ run, what: 'start', ...of });
    // Deaf to any signal: who stops the write of a run that was replaced is what is looked at.
    await wait(member.takes);
    await effects.write({ run, what: 'end', ...of });
  },
});
process.send!('joined');
