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

const complete = (call) => {
  call.done = true;
  call.current = null;
  calls.delete(call.slot);
  finished.push(`[${call.slot},[${call.results}]]`);
};

const addResult = (step, output, failure) => {
  const { call, chosen, logs } = step;
  const endedMs = now();
  const spent = (endedMs - call.lastMs) * 1000;
  call.lastMs = endedMs;
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

const warn = (what, step) => writeLog(step, 'warn', `${what} in the output was dropped: JSON has no such value`);

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
    text = encode(value, warn, step);
  } catch (error) {
    const isCycle = error instanceof Refused || error instanceof RangeError;
    fail(step, failureOf(isCycle ? new Refused(error.message) : error));
    return false;
  }
  if (text.length > call.outputMax) {
    fail(step, ['permanent', 'OUTPUT_TOO_LARGE', `The output has ${text.length} characters; ${call.outputMax} is the limit.`, null]);
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
    if (call.startedMs === 0) call.startedMs = call.lastMs = now();
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
      // Calls under way keep the table they came with.
      shapes = [];
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
