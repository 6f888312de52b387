// What a call carries and what one step of it sees.

const HAS_OUTPUT = 1;
const HAS_ERROR = 2;
const IS_TAGGED = 4;

class Cell {
  // A value that several steps may look at: each gets its own copy, the last step the thing itself.
  constructor(value, text) {
    this.value = value;
    this.text = text;
  }

  take(last) {
    if (this.text === undefined) {
      if (last || typeof this.value !== 'object' || this.value === null) return this.value;
      this.text = encode(this.value);
    }
    return decode(this.text);
  }
}

class Outcome {
  constructor(status, output, error) {
    this.status = status;
    this.output = output;
    this.error = error;
  }

  seenByChild(last) {
    if (this.output !== null) return this.output.take(last);
    return this.error === null ? undefined : { error: this.error.take(last) };
  }
}

const cellOf = (value, isTagged) => new Cell(isTagged ? revive(value) : value, undefined);

const readOutcome = ([, status, flags, output, error]) => new Outcome(
  status,
  flags & HAS_OUTPUT ? cellOf(output, flags & IS_TAGGED) : null,
  flags & HAS_ERROR ? cellOf(error, false) : null,
);

class Call {
  constructor([, slot, recordedMs, steps, values, params, run, env, trigger, outputMax]) {
    this.slot = slot;
    this.recordedMs = recordedMs;
    this.steps = steps;
    this.shapes = shapes;
    this.outcomes = new Map();
    for (const value of values) this.outcomes.set(value[0], readOutcome(value));
    this.params = cellOf(params, false);
    this.runInfo = cellOf(run, false);
    this.env = cellOf(env, false);
    this.trigger = cellOf(trigger, false);
    this.outputMax = outputMax;
    this.index = 0;
    this.results = '';
    this.hostCalls = 0;
    this.waiting = new Map();
    this.startedMs = 0;
    this.lastMs = 0;
    this.current = null;
    this.done = false;
  }
}

const itemOf = ([, item, isTagged]) => (isTagged ? revive(item) : item);

const noLogs = Object.freeze([]);

class StepRun {
  constructor(call) {
    const step = call.steps[call.index];
    const isPlain = typeof step === 'number';
    this.call = call;
    this.shape = call.shapes[isPlain ? step : step[0]];
    this.item = isPlain ? undefined : itemOf(step);
    this.last = call.index === call.steps.length - 1;
    this.logs = noLogs;
    this.chosen = null;
    this.taken = null;
    this.clock = null;
    this.draw = null;
  }

  recordedMs() {
    const { recordedMs } = this.call;
    return typeof recordedMs === 'number' ? recordedMs : recordedMs[this.call.index];
  }

  clockOf() {
    this.clock ??= makeClock(this.recordedMs());
    return this.clock;
  }

  drawOf() {
    if (this.draw === null) {
      const { call } = this;
      const recordedMs = this.recordedMs();
      const seed = recordedMs === 0
        ? `${entropy()} ${entropy()}`
        : stringify([recordedMs, this.shape.nodeId, call.runInfo.take(false), this.item]);
      this.draw = sfc32(hash128(seed));
    }
    return this.draw;
  }

  seen(id) {
    this.taken ??= new Map();
    if (!this.taken.has(id)) this.taken.set(id, this.call.outcomes.get(id)?.seenByChild(this.last));
    return this.taken.get(id);
  }

  input() {
    const input = {};
    for (const id of this.shape.parents) {
      const seen = this.seen(id);
      if (seen !== undefined) input[id] = seen; // A parent that was skipped is not there.
    }
    return input;
  }

  payload() {
    if (this.shape.parents.length === 0) return this.call.trigger.take(this.last);
    return this.shape.parents.length === 1 ? this.seen(this.shape.parents[0]) : undefined;
  }

  nodes() {
    const nodes = {};
    for (const [id, outcome] of this.call.outcomes) nodes[id] = viewOf(this, id, outcome);
    return nodes;
  }

  choose(names) {
    this.chosen ??= [];
    for (const name of names.flat()) this.chosen.push(String(name).toWellFormed());
  }

  endowment(name) {
    const { call, last } = this;
    switch (name) {
      case 'input': return this.input();
      case 'payload': return this.payload();
      case 'nodes': return this.nodes();
      case 'params': return call.params.take(last);
      case 'env': return call.env.take(last);
      case 'run': return call.runInfo.take(last);
      case 'console': return makeConsole(this);
      case 'crypto': return makeCrypto(this.drawOf());
      case 'sleep': return makeSleep(this);
      case 'next': return (...names) => this.choose(names);
      case 'Date': return makeDate(this.clockOf());
      case 'Math': return makeMath(() => this.drawOf()());
      default:
    }
    if (name === (this.shape.itemName || 'item')) return this.item;
    if (name === 'item') return undefined;
    const allowed = this.shape.listed.some((listed) => listed === name || listed.startsWith(`${name}.`));
    return allowed ? makeHost(name, this.shape.listed, this) : makeDenied(name);
  }
}

const viewOf = (step, id, outcome) => ({
  get output() {
    return outcome.output === null ? undefined : step.seen(id);
  },
  get error() {
    return outcome.error === null ? undefined : outcome.error.take(step.last);
  },
  status: outcome.status,
});
