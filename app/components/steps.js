// What is done faster than the page follows; in front of every component's script. All that the
// page has not taken yet is said again with each step, for a run that is under way may miss one.
class Steps {
  constructor() {
    this.run = null;
    this.last = 0;
    this.waiting = [];
  }

  add(step, keep) {
    const at = performance.timeOrigin + performance.now();
    this.waiting.push({ ...step, at, number: ++this.last });
    keep("steps", { run: this.run, steps: [...this.waiting] });
  }

  // What the page says it has taken. Another server, or a page loaded anew, counts from its beginning.
  taken({ run, number }) {
    if (run !== this.run) [this.run, this.last, this.waiting] = [run, number, []];
    this.waiting = this.waiting.filter((one) => one.number > number);
  }
}
