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
const calls = new Map(); // Those that wait, by slot.
const timers = [];
const turns = [];
let nextTurn = 0;
let unsettled = false;
let touched = [];
let finished = [];
let outgoing = [];

// The steps of a call one by one, with what is special about them.
const resultsOf = ({ outputs, spents, extras }) => outputs
  .map((output, at) => `[${spents[at]},${output}${extras[at] ?? ''}]`)
  .join();

const complete = (call) => {
  call.done = true;
  if (call.isKnown) calls.delete(call.slot);
  call.current = null;
  if (call.extras === null) call.unit.add(call);
  else finished.push(`[${call.slot},${call.unit.first},[${resultsOf(call)}]]`);
};

const addResult = (step, output, failure) => {
  const { call, chosen, logs } = step;
  const endedMs = now();
  const spent = (endedMs - call.lastMs) * 1000;
  call.lastMs = endedMs;
  call.spents.push(spent);
  call.outputs.push(output);
  const changed = failure === null && step.vars !== null ? step.vars.changed() : null;
  if (failure === null && chosen === null && logs.length === 0 && changed === null) return;
  call.extras ??= [];
  const vars = changed === null ? '' : `,${changed}`;
  call.extras[call.outputs.length - 1] = `,${failure ?? 'null'},${chosen === null ? 'null' : stringify(chosen)},${stringify(logs)}${vars}`;
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

// Keeps what later steps may look at.
const keep = ({ call, shape }, text, flat) => {
  const isTricky = flat !== null && (text.includes('\\ud') || text.includes('"$type"'));
  call.outcomes ??= [];
  call.outcomes[shape.place] = new Outcome('COMPLETED', new Cell(undefined, text, isTricky ? null : flat), null);
};

// Takes a step's return value; true if the call goes on.
const finish = (step, returned) => {
  const { call } = step;
  let text;
  let flat = null;
  try {
    if (returned instanceof Error) {
      fail(step, failureOf(returned));
      return false;
    }
    const isRouting = typeof returned === 'object' && returned !== null && Object.hasOwn(returned, '__next');
    const value = isRouting ? withoutRouting(step, returned) : returned;
    if (!step.last) flat = flatOf(value);
    text = flat === null ? encode(value, warn, step) : encodeFlat(flat);
  } catch (error) {
    const isCycle = error instanceof Refused || error instanceof RangeError;
    fail(step, failureOf(isCycle ? new Refused(error.message) : error));
    return false;
  }
  const { outputMax } = call.program;
  if (text.length > outputMax) {
    fail(step, ['permanent', 'OUTPUT_TOO_LARGE', `The output has ${text.length} characters; ${outputMax} is the limit.`, null]);
    return false;
  }
  addResult(step, text, null);
  if (!step.last) keep(step, text, flat);
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

const runWith = (step, { names, run }) => {
  switch (names.length) {
    case 0: return run();
    case 1: return run(step.endowment(names[0]));
    default: return run(...names.map((name) => step.endowment(name)));
  }
};

// The function of a step; undefined, and the call is over, if there is none.
const madeFor = (step) => {
  try {
    step.shape.made ??= compiledFor(step.shape);
    return step.shape.made;
  } catch (error) {
    const isSyntax = error instanceof SyntaxError;
    const reason = isSyntax ? 'SCRIPT_SYNTAX' : 'SCRIPT_UNKNOWN';
    fail(step, [isSyntax ? 'permanent' : 'system', reason, userLine(String(error.message)), { script_id: step.shape.scriptId }]);
    return undefined;
  }
};

const isWaiting = (value) => typeof value === 'object' && value !== null && typeof value.then === 'function';

const waitFor = (step, promise) => {
  step.call.isKnown = true;
  calls.set(step.call.slot, step.call);
  unsettled = true;
  marker[2] = 0;
  Promise.resolve(promise).then(
    (value) => settle(step, { isFailure: false, value }),
    (value) => settle(step, { isFailure: true, value }),
  );
};

// Runs the call's steps until one waits, one fails, or all are done.
const advance = (call) => {
  while (call.index < call.program.shapes.length) {
    const step = new StepRun(call);
    call.current = step;
    if (call.startedMs === 0) call.startedMs = call.lastMs = now();
    mark(call, true);
    const made = madeFor(step);
    if (made === undefined) return;
    let value;
    try {
      value = runWith(step, made);
      if (isWaiting(value)) {
        waitFor(step, value);
        return;
      }
    } catch (error) {
      fail(step, failureOf(error));
      return;
    }
    if (!finish(step, value)) return;
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
  const request = waiting?.get(id); // No call, or one that has asked for nothing.
  if (request === undefined) return;
  waiting.delete(id);
  turns.push(() => wake(request, isTagged ? revive(value) : value, failure));
};

const receive = (message) => {
  switch (message[0]) {
    case 'T':
      // Calls under way keep the programs they came with.
      programs = [];
      compiled.clear();
      break;
    case 'p':
      programs[message[1]] = new Program(message);
      break;
    case 's':
      sources.set(message[1], { kind: message[2], source: message[3], url: `penstock-${message[1].slice(0, 12)}` });
      forget(message[1]);
      break;
    case 'c':
      turns.push(new Unit(message));
      break;
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
    if (turn instanceof Unit) {
      if (turn.start()) nextTurn += 1;
    } else {
      nextTurn += 1;
      turn();
    }
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
  const whole = touched.map((unit) => unit.takeText());
  const text = `[[${whole.join()}],[${finished.join()}],[${outgoing.join()}],${wait}]`;
  touched = [];
  finished = [];
  outgoing = [];
  return text;
};

// A payload that is not JSON, such as `1,2` or `1],[2`, shifts what stands beside it: nothing of such a text is run.
const isWhole = (message) => message[0] !== 'c' || (message.length === 8 && message[7].length === message[5] * message[6]);

// A text is the number of messages, then the messages.
const messagesOf = (text) => {
  inbox[0] = '';
  const [count, ...messages] = parse(text);
  if (messages.length !== count || !messages.every(isWhole)) throw new SyntaxError('a payload is not one JSON value');
  return messages;
};

const pump = (text) => {
  messagesOf(text).forEach(receive);
  wakeSleepers();
  runTurns();
  return turns.length > 0 ? '' : collect();
};
