import { Job } from '../peers/sidequest.js';

/** In a file of its own: Sidequest finds the class of a job by the file that it is exported from. */
export class TheJob extends Job {
  static work: () => Promise<void>;

  async run(): Promise<void> {
    await TheJob.work();
  }
}
