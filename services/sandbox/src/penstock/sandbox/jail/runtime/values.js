// Values that leave and enter user code: JSON text, with tags for what JSON lacks.
//
// A tag is {"$type": name, "value": ...} with exactly these two keys. Dates, BigInt, Map, Set, typed arrays, buffers
// and errors are tagged on the way out and revived on the way in. Functions, symbols and promises are dropped with a
// warning. A cycle, or nesting deeper than DEPTH_MAX, is refused.

const DEPTH_MAX = 256;

const { parse, stringify } = JSON;
const { isArray } = Array;
const { getPrototypeOf, keys } = Object;
const objectPrototype = Object.prototype;
const arrayPrototype = Array.prototype;
const FeralDate = Date;
const now = Date.now;
const entropy = Math.random;
const TypedArray = getPrototypeOf(Uint8Array);
const typedArrays = new Map(
  [Uint8Array, Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    Float32Array, Float64Array, BigInt64Array, BigUint64Array].map((type) => [type.name, type]),
);
const toBase64 = Uint8Array.prototype.toBase64;
const { fromBase64 } = Uint8Array;
const errorTypes = new Map(
  [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]
    .map((type) => [type.name, type]),
);

// What was returned cannot be carried; becomes a failure of the step.
class Refused extends Error {}

const hasCycle = (value, path) => {
  if (typeof value !== 'object' || value === null) return false;
  if (path.has(value)) return true;
  if (path.size > 2 * DEPTH_MAX) return false;
  path.add(value);
  const inner = value instanceof Map || value instanceof Set ? [...value].flat() : Object.values(value);
  const found = inner.some((part) => hasCycle(part, path));
  path.delete(value);
  return found;
};

const tagged = (type, value) => ({ $type: type, value });

const describeError = (error) => {
  const plain = { name: String(error.name), message: String(error.message) };
  for (const key of keys(error)) plain[key] ??= error[key];
  if (error.cause !== undefined) plain.cause = error.cause;
  return plain;
};

// Objects with a prototype of their own: tagged, or reduced to their fields.
const plainSpecial = (value, depth, warn, to) => {
  const inner = (part) => toPlain(part, depth + 1, warn, to);
  if (value instanceof FeralDate) {
    const at = FeralDate.prototype.getTime.call(value);
    return tagged('Date', at === at ? FeralDate.prototype.toISOString.call(value) : null);
  }
  if (value instanceof Map) return tagged('Map', inner([...value]));
  if (value instanceof Set) return tagged('Set', inner([...value]));
  if (value instanceof Error) return tagged('Error', inner(describeError(value)));
  if (value instanceof TypedArray) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return tagged(value[Symbol.toStringTag], toBase64.call(bytes));
  }
  if (value instanceof ArrayBuffer) return tagged('ArrayBuffer', toBase64.call(new Uint8Array(value)));
  if (value instanceof Promise) {
    warn('a promise', to);
    return undefined;
  }
  if (typeof value.toJSON === 'function') return inner(value.toJSON(''));
  const fields = {};
  for (const key of keys(value)) fields[key] = value[key];
  return plainObject(fields, depth, warn, to);
};

const plainArray = (value, depth, warn, to) => {
  let copy = null;
  for (let i = 0; i < value.length; i += 1) {
    const item = value[i];
    const type = typeof item;
    if (type === 'string' || type === 'number' || type === 'boolean') continue;
    const plain = toPlain(item, depth + 1, warn, to);
    if (plain !== item) {
      copy ??= [...value];
      copy[i] = plain;
    }
  }
  return copy ?? value;
};

const plainObject = (value, depth, warn, to) => {
  let copy = null;
  for (const key in value) {
    const item = value[key];
    const type = typeof item;
    if (type === 'string' || type === 'number' || type === 'boolean') continue;
    if (type === 'function' && key === 'toJSON') return toPlain(value.toJSON(''), depth + 1, warn, to);
    const plain = toPlain(item, depth + 1, warn, to);
    if (plain !== item) {
      copy ??= { ...value };
      copy[key] = plain;
    }
  }
  return copy ?? value;
};

// The same value if JSON can say it, else a copy in which it can.
const toPlain = (value, depth, warn, to) => {
  switch (typeof value) {
    case 'bigint':
      return tagged('BigInt', String(value));
    case 'function':
    case 'symbol':
      warn(`a ${typeof value}`, to);
      return undefined;
    case 'object':
      break;
    default:
      return value;
  }
  if (value === null) return null;
  if (depth > DEPTH_MAX) {
    throw new Refused(hasCycle(value, new Set()) ? 'it refers to itself' : `it is nested deeper than ${DEPTH_MAX}`);
  }
  if (isArray(value)) return plainArray(value, depth, warn, to);
  const prototype = getPrototypeOf(value);
  return prototype === objectPrototype || prototype === null
    ? plainObject(value, depth, warn, to)
    : plainSpecial(value, depth, warn, to);
};

const wellFormed = (key, value) => {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null || isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name.toWellFormed(), item]));
};

const quiet = () => {};

// JSON text of a value. Lone surrogates, which other readers of JSON refuse, become U+FFFD.
const encode = (value, warn = quiet, to = undefined) => {
  const plain = toPlain(value, 0, warn, to);
  const text = stringify(plain);
  if (text === undefined) return 'null';
  return text.includes('\\ud') ? stringify(plain, wellFormed) : text;
};

// A copy of an object whose fields are all text, numbers, booleans or null, as its JSON text would give it back; null
// for any other value. Taking such copies is much cheaper than parsing.
const flatOf = (value) => {
  if (typeof value !== 'object' || value === null || getPrototypeOf(value) !== objectPrototype) return null;
  const copy = { ...value };
  for (const key in copy) {
    const item = copy[key];
    const type = typeof item;
    if (type === 'number') {
      if (item - item !== 0 || Object.is(item, -0)) return null;
    } else if (type !== 'string' && type !== 'boolean' && item !== null) return null;
  }
  return Object.getOwnPropertySymbols(copy).length === 0 ? copy : null;
};

const encodeFlat = (flat) => {
  const text = stringify(flat);
  return text.includes('\\ud') ? stringify(flat, wellFormed) : text;
};

const reviveTag = (type, value) => {
  if (type === 'Date') return new FeralDate(value === null ? NaN : value);
  if (type === 'BigInt') return BigInt(value);
  if (type === 'Map') return new Map(revive(value));
  if (type === 'Set') return new Set(revive(value));
  if (type === 'ArrayBuffer') return fromBase64(value).buffer;
  if (type === 'Error') {
    const { name, message, cause, ...rest } = revive(value);
    const error = new (errorTypes.get(name) ?? Error)(message, cause === undefined ? undefined : { cause });
    if (!errorTypes.has(name)) error.name = name;
    return Object.assign(error, rest);
  }
  const TypedArrayType = typedArrays.get(type);
  return TypedArrayType === undefined ? undefined : new TypedArrayType(fromBase64(value).buffer);
};

// Tagged values back to what they were, in place. A tag that makes no sense stays the plain object it is.
const revive = (value) => {
  if (typeof value !== 'object' || value === null) return value;
  if (typeof value.$type === 'string' && 'value' in value && keys(value).length === 2) {
    try {
      const revived = reviveTag(value.$type, value.value);
      if (revived !== undefined) return revived;
    } catch {
      return value;
    }
  }
  for (const key of keys(value)) value[key] = revive(value[key]);
  return value;
};

const decode = (text) => {
  const value = parse(text);
  return text.includes('"$type"') ? revive(value) : value;
};
