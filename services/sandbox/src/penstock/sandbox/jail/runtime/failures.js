// What was thrown, or could not be carried, as [class, reason, message, details].

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
