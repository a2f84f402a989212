import { startCrowd } from '../crowd.js';
import { type Report } from '../report.js';
import { atPlace } from './place.js';

const INSTANCES = 500;

export async function fullCrowd(): Promise<Report> {
  const { instances, started, listed, removed, wrong } = await atPlace(({ directory }) =>
    startCrowd(directory, INSTANCES),
  );
  return {
    title: `${instances} instances at once`,
    figures: [
      ['all run after', `${Math.round(started)} ms`],
      ['a list of them takes', `${Math.round(listed)} ms`],
      ['all gone after', `${Math.round(removed)} ms`],
    ],
    wrong,
  };
}
