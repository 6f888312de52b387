// Locks the realm and opens the door that the jail looks into: whatever name is asked for, something is found. An
// exception must not come out of it, since nothing on the other side could take it.

lockdown({
  errorTaming: 'unsafe',
  overrideTaming: 'severe',
  consoleTaming: 'unsafe',
  localeTaming: 'unsafe',
  regExpTaming: 'unsafe',
  stackFiltering: 'verbose',
  errorTrapping: 'none',
  unhandledRejectionTrapping: 'none',
});

const answerTo = (name) => {
  try {
    if (name === 'c') return collect();
    return pump(name === 'i' ? inbox[0] : name);
  } catch (error) {
    try {
      return `refused: ${error.message}`;
    } catch {
      return 'refused';
    }
  }
};

const door = new Proxy({}, { has: () => true, get: (_, name) => answerTo(name) });
return [door, inbox, markerBytes];
