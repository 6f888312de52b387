// Restate: the services, served over HTTP/2 to the Restate server. Prints "ready" when listening.

import * as restate from '@restatedev/restate-sdk';
import { WIDTH, monotonicNs } from './driver.mjs';

const items = () => Array.from({ length: WIDTH }, (_, i) => i);
const sum = (values) => values.reduce((a, b) => a + b, 0);
const first = (n) => ({ value: n + 1, firstStepNs: monotonicNs() });
const next = ({ value, firstStepNs }) => ({ value: value + 1, firstStepNs });

/** Steps inside one handler, each made durable by `ctx.run`. */
const inside = restate.service({
  name: 'inside',
  handlers: {
    chain: async (ctx) => {
      let passed = await ctx.run('first', () => first(0));
      for (let step = 1; step < 10; step += 1) passed = await ctx.run('next', () => next(passed));
      return passed;
    },
    fanOut: async (ctx) => {
      const listed = await ctx.run('list', items);
      const doubled = await restate.RestatePromise.all(
        listed.map((item) => ctx.run('each', () => item * 2)),
      );
      return ctx.run('join', () => sum(doubled));
    },
  },
});

/** One durable handler for each step, called from another one. */
const steps = restate.service({
  name: 'steps',
  handlers: {
    first: async (_ctx, n) => first(n),
    next: async (_ctx, passed) => next(passed),
    list: async () => items(),
    each: async (_ctx, item) => item * 2,
    join: async (_ctx, values) => sum(values),
  },
});

const calls = restate.service({
  name: 'calls',
  handlers: {
    chain: async (ctx) => {
      const client = ctx.serviceClient(steps);
      let passed = await client.first(0);
      for (let step = 1; step < 10; step += 1) passed = await client.next(passed);
      return passed;
    },
    fanOut: async (ctx) => {
      const client = ctx.serviceClient(steps);
      const listed = await client.list();
      const doubled = await restate.RestatePromise.all(listed.map((item) => client.each(item)));
      return client.join(doubled);
    },
  },
});

await restate.serve({ services: [inside, steps, calls], port: Number(process.env.PEER_PORT) });
process.stdout.write('ready\n');
