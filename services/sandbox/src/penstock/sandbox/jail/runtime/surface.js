// What user code sees besides the language: clock, randomness, console, host functions.

const LOG_LINES_MAX = 200;
const LOG_CHARS_MAX = 8192;
const LOGS_CHARS_MAX = 65536; // Of all lines of a step, each counted with what goes with it.
const LOG_LINE_CHARS = 24;
const HOST_CALLS_MAX = 10_000;
const READINGS_PER_MS = 1000;
const SLEEP_MS_MAX = 2 ** 30; // Twelve days: every call ends sooner.

// A 128-bit state from text (MurmurHash3-like mixing), the seed of one step's randomness.
const hash128 = (text) => {
  let [a, b, c, d] = [1779033703, 3144134277, 1013904242, 2773480762];
  for (let i = 0; i < text.length; i += 1) {
    const k = text.charCodeAt(i);
    a = b ^ Math.imul(a ^ k, 597399067);
    b = c ^ Math.imul(b ^ k, 2869860233);
    c = d ^ Math.imul(c ^ k, 951274213);
    d = a ^ Math.imul(d ^ k, 2716044179);
  }
  return [a >>> 0, b >>> 0, c >>> 0, d >>> 0];
};

// The sfc32 generator (Chris Doty-Humphrey, PractRand): 32 random bits per call.
const sfc32 = ([a, b, c, d]) => {
  const draw = () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i += 1) draw();
  return draw;
};

// Where a step's Date starts from. A recorded clock stands still while code runs, moves on with what it waits for,
// and creeps by 1 ms per READINGS_PER_MS readings, so that loops which wait for the clock end.
const makeClock = (recordedMs) => {
  if (recordedMs === 0) return { now, wait: quiet };
  let at = recordedMs;
  let readings = 0;
  return {
    now: () => {
      readings += 1;
      if (readings % READINGS_PER_MS === 0) at += 1;
      return at;
    },
    wait: (ms) => {
      at += ms;
    },
  };
};

const makeDate = (clock) => {
  const StepDate = function Date(...parts) {
    if (new.target === undefined) return new FeralDate(clock.now()).toString();
    const target = new.target === StepDate ? FeralDate : new.target;
    return Reflect.construct(FeralDate, parts.length === 0 ? [clock.now()] : parts, target);
  };
  StepDate.now = () => clock.now();
  StepDate.parse = FeralDate.parse;
  StepDate.UTC = FeralDate.UTC;
  StepDate.prototype = FeralDate.prototype;
  return StepDate;
};

const makeMath = (draw) => Object.create(Math, {
  random: { value: () => (draw() * 0x100000 + (draw() >>> 12)) / 0x10000000000000 },
});

const makeCrypto = (draw) => ({
  randomUUID: () => {
    let hex = '';
    for (let i = 0; i < 4; i += 1) hex += draw().toString(16).padStart(8, '0');
    const variant = '89ab'[parseInt(hex[16], 16) & 3];
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  },
});

const inspect = (value) => {
  if (typeof value === 'string') return value;
  if (typeof value === 'function') return `[Function ${value.name || 'anonymous'}]`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return encode(value);
  } catch (error) {
    return `[unprintable: ${error.message}]`;
  }
};

const writeLog = (step, level, message) => {
  if (step.logged > LOGS_CHARS_MAX) return;
  if (step.logs === noLogs) step.logs = [];
  const line = message.slice(0, LOG_CHARS_MAX).toWellFormed();
  const isLast = step.logs.length === LOG_LINES_MAX;
  step.logged += isLast ? Infinity : line.length + LOG_LINE_CHARS;
  if (step.logged <= LOGS_CHARS_MAX) step.logs.push([now() * 1000, level, line]);
  else {
    const limit = isLast ? `${LOG_LINES_MAX}` : `${LOGS_CHARS_MAX / 1024} KiB`;
    step.logs.push([now() * 1000, 'warn', `further lines are dropped: ${limit} is the limit of one attempt`]);
  }
};

const makeConsole = (step) => {
  const at = (level) => (...parts) => writeLog(step, level, parts.map(inspect).join(' '));
  return {
    debug: at('debug'), log: at('info'), info: at('info'), warn: at('warn'), error: at('error'), trace: at('debug'),
  };
};

// Errors that came from the host keep their failure, so that an uncaught one reaches the engine as it was.
const hostFailures = new WeakMap();

const hostError = ([errorClass, reason, message, details]) => {
  const error = new Error(message);
  error.name = 'HostError';
  error.errorClass = errorClass;
  error.reason = reason;
  if (details !== undefined) error.details = details;
  hostFailures.set(error, [errorClass, reason, message, details]);
  return error;
};

// Queues a request to the worker; the promise is settled by a later pump.
const requestHost = (step, name, args) => {
  const { call } = step;
  if (call.done || call.current !== step) throw new Error(`${name} was called after the step had ended`);
  if (call.hostCalls >= HOST_CALLS_MAX) throw new Error(`a call may ask the host ${HOST_CALLS_MAX} times`);
  const text = encode(args);
  const id = call.hostCalls + 1;
  const { promise, resolve, reject } = Promise.withResolvers();
  call.hostCalls = id;
  call.waiting ??= new Map();
  call.waiting.set(id, { resolve, reject, step, since: now() });
  outgoing.push(`[${call.slot},${call.index},${id},${stringify(name)},${text}]`);
  return promise;
};

const HOST_OBJECTS = { db: ['query', 'exec'], mail: ['send'] };
const HTTP_PLAIN = ['get', 'delete', 'head', 'options'];
const HTTP_BODY = ['post', 'put', 'patch'];

const makeHttp = (send) => {
  const http = { request: (options) => send('http.request', [options]) };
  for (const name of HTTP_PLAIN) {
    http[name] = (url, options) => http.request({ ...options, method: name.toUpperCase(), url });
  }
  for (const name of HTTP_BODY) {
    http[name] = (url, body, options) => http.request({ ...options, method: name.toUpperCase(), url, body });
  }
  return http;
};

// What stands under one name, such as `http` or a plug-in's `sms`, given the host functions the step lists.
const makeHost = (root, listed, step) => {
  const send = (name, args) => requestHost(step, name, args);
  const members = listed.filter((name) => name.startsWith(`${root}.`)).map((name) => name.slice(root.length + 1));
  if (root === 'http') return makeHttp(send);
  if (listed.includes(root)) members.push(...(HOST_OBJECTS[root] ?? []));
  if (members.length === 0) return (...args) => send(root, args);
  return Object.fromEntries(members.map((name) => [name, (...args) => send(`${root}.${name}`, args)]));
};

// In the place of a host object the step may not use: says so instead of "undefined".
const makeDenied = (root) => new Proxy({}, {
  get: (_, name) => {
    if (typeof name === 'symbol') return undefined;
    const error = new Error(`${root}.${name} is not allowed in this node`);
    error.name = 'PermissionError';
    throw error;
  },
});

const makeSleep = (step) => (ms) => new Promise((resolve) => {
  const wait = Math.min(SLEEP_MS_MAX, Math.max(0, Number(ms) || 0));
  timers.push({ due: now() + wait, resolve, step, wait });
});
