// The JavaScript side of a peer: answers the bench's orders, one JSON line each, on stdin and
// stdout. What the peer prints goes to stderr. driver.py is the same in Python.

import { createInterface } from 'node:readline';

const CHAIN = 10;
export const WIDTH = 100;
const WIDTH_SUM = WIDTH * (WIDTH - 1);

/** CLOCK_MONOTONIC in nanoseconds, the same in every process of the machine. */
export const monotonicNs = () => Number(process.hrtime.bigint());

/** One chain, its result checked: `{ value, firstStepNs }`. */
async function checkedChain(engine) {
  const chained = await engine.chain();
  if (chained.value !== CHAIN) throw new Error(`a chain of ${CHAIN} gave ${chained.value}`);
  return chained;
}

async function checkedFanOut(engine) {
  const added = await engine.fanOut();
  if (added !== WIDTH_SUM) throw new Error(`a fan-out of ${WIDTH} gave ${added}`);
}

/** Keep `in_flight` runs going for `seconds`. */
async function runLoop(engine, order) {
  const one = order.work === 'chain' ? checkedChain : checkedFanOut;
  const begun = performance.now();
  const seen = { ended_s: [], latencies_ms: [] };
  const keepGoing = async () => {
    while (performance.now() - begun < order.seconds * 1000) {
      const start = performance.now();
      await one(engine);
      const now = performance.now();
      seen.ended_s.push((now - begun) / 1000);
      seen.latencies_ms.push(now - start);
    }
  };
  await Promise.all(Array.from({ length: order.in_flight }, keepGoing));
  return seen;
}

/** Chains one by one: up to `count`, for at most `seconds`. */
async function runIdle(engine, order) {
  const seen = { chain_ms: [], first_step_ms: [] };
  const stopAt = performance.now() + order.seconds * 1000;
  while (seen.chain_ms.length < order.count && performance.now() < stopAt) {
    const begun = monotonicNs();
    const chained = await checkedChain(engine);
    seen.chain_ms.push((monotonicNs() - begun) / 1e6);
    seen.first_step_ms.push((chained.firstStepNs - begun) / 1e6);
  }
  return seen;
}

/** Answer orders until stdin ends. An engine has `chain()`, `fanOut()` and `close()`. */
export async function serve(engine) {
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    const run = order.work === 'idle' ? runIdle : runLoop;
    const answer = await run(engine, order).catch((error) => ({ error: String(error) }));
    process.stdout.write(JSON.stringify(answer) + '\n');
  }
  await engine.close();
}
