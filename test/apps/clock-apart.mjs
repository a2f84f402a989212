// Loaded before an app: its wall clock is apart from the machine's by CLOCK_AHEAD milliseconds. Lengths of time are right.
const ahead = Number(process.env.CLOCK_AHEAD);
const TrueDate = Date;
const trueNow = Date.now.bind(Date);
globalThis.Date = class extends TrueDate {
  constructor(...args) {
    super(...(args.length > 0 ? args : [trueNow() + ahead]));
  }
  static now() {
    return trueNow() + ahead;
  }
};
