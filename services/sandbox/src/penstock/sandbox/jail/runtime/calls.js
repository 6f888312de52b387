// Calls and crossings: `pump` takes a batch of messages in, `collect` gives what has gathered.
//
// Messages are handled in order as turns (start a call, deliver an answer, wake a sleeper). A turn that ends without
// leaving a promise is followed by the next at once; after one that did, the next waits HOPS microtasks, so that the
// continuation of one call runs before another is touched and `marker` names the call that is running. If everything
// ended within `pump`, it returns the results itself and `collect` is not needed.

const HOPS = 4;
const EXTRA_MS = 1;

// [slot of the running call or 0, ms since the epoch when it began, 1 if surely this one]
const markerBytes = new ArrayBuffer(24);
const marker = new Float64Array(markerBytes);
const inbox = [''];
const calls = new Map();
const timers = [];
const turns = [];
let nextTurn = 0;
let unsettled = false;
let finished = [];
let outgoing = [];

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
    this.current = null;
    this.done = false;
  }
}

const itemOf = ([, item, isTagged]) => (isTagged ? revive(item) : item);

class StepRun {
  constructor(call) {
    const step = call.steps[call.index];
    const isPlain = typeof step === 'number';
    this.call = call;
    this.shape = shapes[isPlain ? step : step[0]];
    this.item = isPlain ? undefined : itemOf(step);
    this.last = call.index === call.steps.length - 1;
    this.begunMs = 0;
    this.logs = [];
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
    for (const id of this.shape.parents) if (this.call.outcomes.has(id)) input[id] = this.seen(id);
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

const CLASSES = new Set(['transient', 'permanent', 'system', 'user']);

// Code may say what kind of failure it throws: `errorClass`, or `retryable: true` for transient.
const classOf = (thrown) => {
  const { errorClass, retryable } = thrown;
  if (CLASSES.has(errorClass)) return errorClass;
  return retryable === true ? 'transient' : 'user';
};

const placeOf = (error) => {
  const found = /penstock-[0-9a-f]+:(\d+):(\d+)/.exec(String(error.stack));
  return found === null ? undefined : { line: Number(found[1]) - 1, column: Number(found[2]) };
};

const failureOfError = (error) => {
  const known = hostFailures.get(error);
  const name = String(error.name);
  const place = placeOf(error);
  const where = place === undefined ? '' : ` (line ${place.line})`;
  if (known !== undefined) {
    const [errorClass, reason, message, details] = known;
    return [errorClass, reason, `${message}${where}`, details ?? null];
  }
  const details = { name, ...place };
  for (const key of keys(error)) if (key !== 'errorClass' && key !== 'retryable') details[key] ??= error[key];
  if (error.cause !== undefined) details.cause = error.cause;
  return [classOf(error), 'SCRIPT_ERROR', `${name}: ${error.message}${where}`, details];
};

// What was thrown, as [class, reason, message, details]. Looking at it may itself throw: it is user code's object.
const failureOf = (error) => {
  try {
    if (error instanceof Refused) return ['user', 'OUTPUT_NOT_JSON', `The output cannot be carried: ${error.message}.`, null];
    if (error instanceof Error) return failureOfError(error);
    const isObject = typeof error === 'object' && error !== null;
    const errorClass = isObject ? classOf(error) : 'user';
    const message = isObject && typeof error.message === 'string' ? error.message : inspect(error);
    return [errorClass, 'SCRIPT_ERROR', message, isObject ? error : null];
  } catch {
    return ['user', 'SCRIPT_ERROR', 'The thrown value cannot be read.', null];
  }
};

const failureText = ([errorClass, reason, message, details]) => {
  let detailsText = 'null';
  try {
    detailsText = details === null ? 'null' : encode(details);
  } catch {
    detailsText = 'null';
  }
  const short = String(message).slice(0, 4096);
  return `[${stringify(errorClass)},${stringify(reason)},${encode(short)},${detailsText.length > 65536 ? 'null' : detailsText}]`;
};

const complete = (call) => {
  call.done = true;
  call.current = null;
  calls.delete(call.slot);
  finished.push(`[${call.slot},[${call.results}]]`);
};

const addResult = (step, output, failure) => {
  const { call, chosen, logs } = step;
  const spent = (now() - step.begunMs) * 1000;
  const extras = failure === null && chosen === null && logs.length === 0
    ? ''
    : `,${failure ?? 'null'},${chosen === null ? 'null' : stringify(chosen)},${stringify(logs)}`;
  call.results += `${call.results === '' ? '' : ','}[${spent},${output}${extras}]`;
};

const fail = (step, failure) => {
  addResult(step, 'null', failureText(failure));
  complete(step.call);
};

const withoutRouting = (step, value) => {
  const { __next: chosen, ...rest } = value;
  step.choose(isArray(chosen) ? chosen : [chosen]);
  return rest;
};

// Takes a step's return value; true if the call goes on.
const finish = (step, returned) => {
  const { call } = step;
  let text;
  try {
    if (returned instanceof Error) {
      fail(step, failureOf(returned));
      return false;
    }
    const isRouting = typeof returned === 'object' && returned !== null && Object.hasOwn(returned, '__next');
    const value = isRouting ? withoutRouting(step, returned) : returned;
    text = encode(value, (what) => writeLog(step, 'warn', `${what} in the output was dropped: JSON has no such value`));
  } catch (error) {
    const isCycle = error instanceof Refused || error instanceof RangeError;
    fail(step, failureOf(isCycle ? new Refused(error.message) : error));
    return false;
  }
  if (text.length > call.outputMax) {
    fail(step, ['permanent', 'PAYLOAD_TOO_LARGE', `The output has ${text.length} characters; ${call.outputMax} is the limit.`, null]);
    return false;
  }
  addResult(step, text, null);
  call.outcomes.set(step.shape.nodeId, new Outcome('COMPLETED', new Cell(undefined, text), null));
  call.index += 1;
  return true;
};

const mark = (call, isCertain) => {
  marker[0] = call.slot;
  marker[1] = call.startedMs;
  marker[2] = isCertain ? 1 : 0;
};

const settle = (step, outcome) => {
  if (step.call.done || step.call.current !== step) return;
  mark(step.call, true);
  if (outcome.isFailure) fail(step, failureOf(outcome.value));
  else if (finish(step, outcome.value)) advance(step.call);
  marker[2] = 0;
};

// SES names lines of the wrapped source, one below the user's.
const userLine = (message) => message.replace(/ at penstock-\w+:(\d+)\./, (_, line) => ` in line ${line - 1}.`);

const begin = (step) => {
  let made;
  try {
    made = step.shape.made ??= compiledFor(step.shape);
  } catch (error) {
    const isSyntax = error instanceof SyntaxError;
    const reason = isSyntax ? 'SCRIPT_SYNTAX' : 'SCRIPT_UNKNOWN';
    fail(step, [isSyntax ? 'permanent' : 'system', reason, userLine(String(error.message)), { script_id: step.shape.scriptId }]);
    return { isOver: true };
  }
  const { names, run } = made;
  const args = new Array(names.length);
  for (let i = 0; i < names.length; i += 1) args[i] = step.endowment(names[i]);
  const value = Reflect.apply(run, undefined, args);
  const isWaiting = typeof value === 'object' && value !== null && typeof value.then === 'function';
  return { isOver: false, isWaiting, value };
};

// Runs the call's steps until one waits, one fails, or all are done.
const advance = (call) => {
  while (call.index < call.steps.length) {
    const step = new StepRun(call);
    call.current = step;
    step.begunMs = now();
    if (call.startedMs === 0) call.startedMs = step.begunMs;
    mark(call, true);
    let begun;
    try {
      begun = begin(step);
    } catch (error) {
      fail(step, failureOf(error));
      return;
    }
    if (begun.isOver) return;
    if (begun.isWaiting) {
      unsettled = true;
      marker[2] = 0;
      Promise.resolve(begun.value).then(
        (value) => settle(step, { isFailure: false, value }),
        (value) => settle(step, { isFailure: true, value }),
      );
      return;
    }
    if (!finish(step, begun.value)) return;
  }
  complete(call);
};

const wake = ({ step, resolve, reject, since, wait }, value, failure) => {
  if (step.call.done) return;
  step.clock?.wait(wait ?? now() - since);
  mark(step.call, false);
  unsettled = true;
  if (failure === undefined) resolve(value);
  else reject(hostError(failure));
};

const answer = ([, slot, id, value, isTagged, failure]) => {
  const waiting = calls.get(slot)?.waiting;
  const request = waiting?.get(id);
  if (request === undefined) return;
  waiting.delete(id);
  turns.push(() => wake(request, isTagged ? revive(value) : value, failure));
};

const receive = (message) => {
  switch (message[0]) {
    case 'T':
      shapes.length = 0;
      compiled.clear();
      break;
    case 't':
      shapes[message[1]] = new Shape(message);
      break;
    case 's':
      sources.set(message[1], { kind: message[2], source: message[3], url: `penstock-${message[1].slice(0, 12)}` });
      forget(message[1]);
      break;
    case 'c': {
      const call = new Call(message);
      calls.set(call.slot, call);
      turns.push(() => call.done || advance(call));
      break;
    }
    case 'h':
      answer(message);
      break;
    default: {
      const call = calls.get(message[1]);
      if (call !== undefined) call.done = true;
      calls.delete(message[1]);
    }
  }
};

const wakeSleepers = () => {
  if (timers.length === 0) return;
  const at = now();
  const due = timers.filter((timer) => timer.due <= at).sort((a, b) => a.due - b.due);
  const later = timers.filter((timer) => timer.due > at && !timer.step.call.done);
  timers.splice(0, timers.length, ...later);
  for (const timer of due) turns.push(() => wake(timer));
};

const hop = (count) => {
  if (count === 0) runTurns();
  else Promise.resolve().then(() => hop(count - 1));
};

const runTurns = () => {
  while (nextTurn < turns.length) {
    const turn = turns[nextTurn];
    nextTurn += 1;
    turn();
    if (unsettled) {
      unsettled = false;
      hop(HOPS);
      return;
    }
  }
  turns.length = 0;
  nextTurn = 0;
};

const collect = () => {
  marker[0] = 0;
  const wait = timers.length === 0 ? -1 : Math.max(0, Math.min(...timers.map(({ due }) => due)) - now()) + EXTRA_MS;
  const text = `[[${finished.join()}],[${outgoing.join()}],${wait}]`;
  finished = [];
  outgoing = [];
  return text;
};

const pump = () => {
  const messages = parse(inbox[0]);
  inbox[0] = '';
  messages.forEach(receive);
  wakeSleepers();
  runTurns();
  return turns.length > 0 ? '' : collect();
};
