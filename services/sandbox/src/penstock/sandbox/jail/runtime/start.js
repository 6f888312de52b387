// Locks the realm and opens the two doors that the jail calls: pump and collect.

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
Object.defineProperty(globalThis, 'penstockPump', { value: pump });
Object.defineProperty(globalThis, 'penstockCollect', { value: collect });
return [inbox, markerBytes];
