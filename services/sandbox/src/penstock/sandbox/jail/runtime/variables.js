// `vars`: the execution's variables as one step sees and changes them. Values are kept as JSON text, so that nobody
// holds a part of one that changes later.

const VAR_NAME = /^(?!__)[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const VAR_BYTES_MAX = 64 * 1024;
const VARS_MAX = 1000;

const bytesOf = (text) => {
  let bytes = text.length;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
};

const refuseVar = (reason, message) => {
  throw hostError(['permanent', reason, message]);
};

const warnOfVar = (what, step) => writeLog(step, 'warn', `${what} in a variable was dropped: JSON has no such value`);

const textOfVar = (step, name, value) => {
  let text;
  try {
    text = encode(value, warnOfVar, step);
  } catch (error) {
    return refuseVar('VARIABLE_NOT_JSON', `variable ${name} cannot be carried: ${error.message}`);
  }
  const bytes = bytesOf(text);
  if (bytes > VAR_BYTES_MAX) {
    refuseVar('VARIABLES_TOO_LARGE', `the value of variable ${name} has ${bytes} bytes; ${VAR_BYTES_MAX} is the limit`);
  }
  return text;
};

const makeVars = (step, given) => {
  const texts = new Map(Object.entries(given).map(([name, value]) => [name, stringify(value)]));
  const touched = new Set();
  const surface = {
    get: (name) => (texts.has(name) ? decode(texts.get(name)) : undefined),
    has: (name) => texts.has(name),
    getAll: () => Object.fromEntries([...texts].map(([name, text]) => [name, decode(text)])),
    set: (name, value) => {
      if (step.call.done || step.call.current !== step) throw new Error('vars.set was called after the step had ended');
      if (typeof name !== 'string' || !VAR_NAME.test(name) || Object.hasOwn(surface, name)) {
        refuseVar('VARIABLE_NAME', `${inspect(name).slice(0, 80)} is not a name of a variable`);
      }
      const text = textOfVar(step, name, value);
      if (!texts.has(name) && texts.size >= VARS_MAX) {
        refuseVar('VARIABLES_TOO_LARGE', `there are ${VARS_MAX} variables already; that is the limit`);
      }
      texts.set(name, text);
      touched.add(name);
    },
    delete: (name) => {
      if (step.call.done || step.call.current !== step) throw new Error('vars.delete was called after the step had ended');
      if (!texts.delete(name)) return false;
      touched.add(name);
      return true;
    },
  };
  // [names that were set, their values, names that were deleted] as text, null if nothing was changed.
  const changed = () => {
    if (touched.size === 0) return null;
    const set = [...touched].filter((name) => texts.has(name));
    const gone = [...touched].filter((name) => !texts.has(name));
    return `[${stringify(set)},[${set.map((name) => texts.get(name)).join()}],${stringify(gone)}]`;
  };
  return { surface: Object.freeze(surface), changed };
};
