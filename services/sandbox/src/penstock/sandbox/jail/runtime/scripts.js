// Sources to functions: one SES Compartment per script, its globals frozen, everything of a call passed as arguments.
//
// A body that never says `await` becomes a plain function, so that running it costs no microtask. Only names that the
// source mentions are made and passed. Common globals are bound as constants around the body: a lookup through a
// Compartment's scope is slow.

const BODY = 1;
const STEP_NAMES = [
  'input', 'payload', 'nodes', 'params', 'env', 'run', 'item', 'console', 'crypto', 'sleep', 'next', 'Date', 'Math',
];
const KNOWN_HOSTS = ['http', 'db', 'mail'];
const NEVER_BOUND = new Set(['Date', 'Math', 'eval', 'undefined', 'NaN', 'Infinity', 'globalThis']);
const IDENTIFIER = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/gu;
const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

const FeralAsyncFunction = (async () => {}).constructor;

const sources = new Map();
const compiled = new Map();

// Throws SyntaxError unless the source is exactly one function body, or exactly one expression.
const checkSyntax = ({ kind, source }) => {
  if (kind === BODY) {
    FeralAsyncFunction(source);
  } else {
    FeralAsyncFunction(`return (\n${source}\n)`);
    FeralAsyncFunction(`return [\n${source}\n]`);
  }
};

const rootsOf = (listed) => [...new Set(listed.map((name) => name.split('.')[0]))].filter((name) => NAME.test(name));

const compile = (script, itemName, listed) => {
  checkSyntax(script);
  const { kind, source } = script;
  const words = new Set(source.match(IDENTIFIER));
  const mentions = (name) => source.includes('\\u') || words.has(name);
  const hosts = [...new Set([...rootsOf(listed), ...KNOWN_HOSTS])];
  const names = [...new Set([...STEP_NAMES, ...hosts, ...(NAME.test(itemName) ? [itemName] : [])])].filter(mentions);
  const compartment = new Compartment();
  const { globalThis: globals } = compartment;
  delete globals.Compartment;
  delete globals.lockdown;
  // SES hardens these but gives them to no Compartment: they can tell apart NaNs, which is no concern here.
  Object.assign(globals, { Float32Array, Float64Array });
  Object.freeze(globals);
  const bound = Object.getOwnPropertyNames(globals).filter(
    (name) => mentions(name) && !NEVER_BOUND.has(name) && !names.includes(name),
  );
  const async = mentions('await') ? 'async ' : '';
  const body = kind === BODY ? source : `return (${source}\n);`;
  const wrapped = `(g => { const {${bound.join()}} = g; return ${async}function (${names.join()}) {{\n${body}\n}}; })`;
  const run = compartment.evaluate(`${wrapped}\n//# sourceURL=${script.url}`)(globals);
  return { run, names };
};

// All of a step that does not vary between calls. `placeOf` gives the place of a node in the program's names.
class Shape {
  constructor([nodeId, scriptId, parents, itemName, listed], itemAt, placeOf) {
    this.nodeId = nodeId;
    this.scriptId = scriptId;
    this.parents = parents;
    this.itemName = itemName;
    this.listed = listed;
    this.itemAt = itemAt;
    this.place = placeOf(nodeId);
    this.parentsAt = parents.map(placeOf);
    this.made = undefined;
  }
}

const READS_PARAMS = 1;
const READS_RUN = 2;
const READS_TRIGGER = 4;
const READS_VARS = 8;

// All of a call that does not vary. The jail's codec numbers programs, so that calls name them by number. `names` are
// the nodes whose outcomes steps can see: first those that calls bring, then steps, then parents that are not there.
class Program {
  constructor([, , steps, reads, has, items, outputMax, env]) {
    let width = 0;
    const take = (isThere) => (isThere ? (width += 1) - 1 : -1);
    this.names = [];
    const places = new Map();
    const placeOf = (id) => {
      if (!places.has(id)) places.set(id, this.names.push(id) - 1);
      return places.get(id);
    };
    this.reads = [];
    for (const [id, status, hasOutput, hasError] of reads) {
      this.reads[placeOf(id)] = { status, output: take(hasOutput), error: take(hasError) };
    }
    this.paramsAt = take(has & READS_PARAMS);
    this.runAt = take(has & READS_RUN);
    this.triggerAt = take(has & READS_TRIGGER);
    this.varsAt = take(has & READS_VARS);
    const itemsAt = steps.map((_, at) => take(items.includes(at)));
    for (const [id] of steps) placeOf(id);
    this.shapes = steps.map((step, at) => new Shape(step, itemsAt[at], placeOf));
    this.outputMax = outputMax;
    this.envText = stringify(env);
  }
}

let programs = [];

const compiledFor = ({ scriptId, itemName, listed }) => {
  const key = `${scriptId} ${itemName} ${listed.join()}`;
  const found = compiled.get(key);
  if (found !== undefined) return found;
  const script = sources.get(scriptId);
  if (script === undefined) throw new Error(`Script ${scriptId} was never sent.`);
  const made = compile(script, itemName, listed);
  compiled.set(key, made);
  return made;
};

// A script was sent anew: what was made of the one before goes.
const forget = (scriptId) => {
  for (const key of compiled.keys()) if (key.startsWith(scriptId)) compiled.delete(key);
  for (const { shapes } of programs) {
    for (const shape of shapes) if (shape.scriptId === scriptId) shape.made = undefined;
  }
};
