// What a call carries and what one step of it sees.

class Cell {
  // A value that several steps may look at: each gets its own copy, the last step the thing itself. `flat` is a copy
  // for `flatOf`, null if the value is not of that kind, undefined if nobody has looked.
  constructor(value, text, flat) {
    this.value = value;
    this.text = text;
    this.flat = flat;
  }

  take(last) {
    if (this.text === undefined) {
      const { value } = this;
      if (last || typeof value !== 'object' || value === null) return value;
      if (this.flat === undefined) this.flat = flatOf(value);
      if (this.flat === null) this.text = encode(value);
    }
    return this.flat ? { ...this.flat } : decode(this.text);
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

const cellOf = (value) => new Cell(value, undefined, undefined);

// Calls that came together: the same program, and the values of each, one call after the other.
class Unit {
  constructor([, number, first, recordedMs, isTagged, count, width, rows]) {
    this.program = programs[number];
    this.first = first;
    this.recordedMs = recordedMs;
    this.isTagged = isTagged === 1;
    this.count = count;
    this.width = width;
    this.rows = rows;
    this.next = 0;
    this.clear();
  }

  clear() {
    this.offsets = [];
    this.inOrder = true;
    this.spents = [];
    this.isSlow = false;
    this.outputs = [];
  }

  // Starts the calls until one waits; true if all are started.
  start() {
    while (this.next < this.count) {
      const call = new Call(this, this.next);
      this.next += 1;
      advance(call);
      if (unsettled) break;
    }
    return this.next === this.count;
  }

  // A call did well in every step, without choices or logs.
  add(call) {
    if (this.offsets.length === 0) touched.push(this);
    const offset = call.slot - this.first;
    if (offset !== this.offsets.length) this.inOrder = false;
    this.offsets.push(offset);
    for (const spent of call.spents) {
      if (spent > 0) this.isSlow = true;
      this.spents.push(spent);
    }
    for (const output of call.outputs) this.outputs.push(output);
  }

  // [first, places of the calls or null for all in order, times or 0, outputs] of what was added; forgets it.
  takeText() {
    const isWhole = this.inOrder && this.offsets.length === this.count;
    const offsets = isWhole ? 'null' : `[${this.offsets.join()}]`;
    const spents = this.isSlow ? `[${this.spents.join()}]` : '0';
    const text = `[${this.first},${offsets},${spents},[${this.outputs.join()}]]`;
    this.clear();
    return text;
  }
}

class Call {
  constructor(unit, offset) {
    this.unit = unit;
    this.program = unit.program;
    this.slot = unit.first + offset;
    this.base = offset * unit.width;
    this.outcomes = null;
    this.params = null;
    this.runInfo = null;
    this.trigger = null;
    this.index = 0;
    this.outputs = [];
    this.spents = [];
    this.extras = null;
    this.hostCalls = 0;
    this.waiting = null;
    this.startedMs = 0;
    this.lastMs = 0;
    this.current = null;
    this.isKnown = false;
    this.done = false;
  }

  // The value at a place of the call's row; what never came is `missing`.
  valueAt(place, missing) {
    return place < 0 ? missing : this.unit.rows[this.base + place];
  }

  revivedAt(place) {
    const value = this.unit.rows[this.base + place];
    return this.unit.isTagged ? revive(value) : value;
  }

  // The outcome of a node by its place in the program's names; undefined if it has none.
  outcome(place) {
    this.outcomes ??= [];
    const found = this.outcomes[place];
    if (found !== undefined || place >= this.program.reads.length) return found;
    const { status, output, error } = this.program.reads[place];
    const made = new Outcome(
      status,
      output < 0 ? null : cellOf(this.revivedAt(output)),
      error < 0 ? null : cellOf(this.valueAt(error)),
    );
    this.outcomes[place] = made;
    return made;
  }

  takeParams(last) {
    this.params ??= cellOf(this.valueAt(this.program.paramsAt, {}));
    return this.params.take(last);
  }

  takeRun(last) {
    this.runInfo ??= cellOf(this.valueAt(this.program.runAt, {}));
    return this.runInfo.take(last);
  }

  takeTrigger(last) {
    this.trigger ??= cellOf(this.valueAt(this.program.triggerAt, null));
    return this.trigger.take(last);
  }
}

const noLogs = Object.freeze([]);

class StepRun {
  constructor(call) {
    const shape = call.program.shapes[call.index];
    this.call = call;
    this.shape = shape;
    this.item = shape.itemAt < 0 ? undefined : call.revivedAt(shape.itemAt);
    this.last = call.index === call.program.shapes.length - 1;
    this.logs = noLogs;
    this.logged = 0;
    this.chosen = null;
    this.taken = null;
    this.clock = null;
    this.draw = null;
    this.vars = null;
  }

  varsOf() {
    this.vars ??= makeVars(this, this.call.valueAt(this.call.program.varsAt, {}));
    return this.vars;
  }

  recordedMs() {
    const { recordedMs } = this.call.unit;
    return typeof recordedMs === 'number' ? recordedMs : recordedMs[this.call.index];
  }

  clockOf() {
    this.clock ??= makeClock(this.recordedMs());
    return this.clock;
  }

  drawOf() {
    if (this.draw === null) {
      const recordedMs = this.recordedMs();
      const seed = recordedMs === 0
        ? `${entropy()} ${entropy()}`
        : stringify([recordedMs, this.shape.nodeId, this.call.takeRun(false), this.item]);
      this.draw = sfc32(hash128(seed));
    }
    return this.draw;
  }

  // What this step sees of the node at a place of the program's names.
  seen(place) {
    this.taken ??= [];
    const found = this.taken[place];
    if (found !== undefined) return found;
    const seen = this.call.outcome(place)?.seenByChild(this.last);
    this.taken[place] = seen;
    return seen;
  }

  input() {
    const input = {};
    const { parents, parentsAt } = this.shape;
    for (let i = 0; i < parents.length; i += 1) {
      const seen = this.seen(parentsAt[i]);
      if (seen !== undefined) input[parents[i]] = seen; // A parent that was skipped is not there.
    }
    return input;
  }

  payload() {
    const { parentsAt } = this.shape;
    if (parentsAt.length === 0) return this.call.takeTrigger(this.last);
    return parentsAt.length === 1 ? this.seen(parentsAt[0]) : undefined;
  }

  nodes() {
    const nodes = {};
    this.call.program.names.forEach((id, place) => {
      const outcome = this.call.outcome(place);
      if (outcome !== undefined) nodes[id] = viewOf(this, place, outcome);
    });
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
      case 'params': return call.takeParams(last);
      case 'env': return parse(call.program.envText);
      case 'run': return call.takeRun(last);
      case 'console': return makeConsole(this);
      case 'crypto': return makeCrypto(this.drawOf());
      case 'sleep': return makeSleep(this);
      case 'vars': return this.varsOf().surface;
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

const viewOf = (step, place, outcome) => ({
  get output() {
    return outcome.output === null ? undefined : step.seen(place);
  },
  get error() {
    return outcome.error === null ? undefined : outcome.error.take(step.last);
  },
  status: outcome.status,
});
