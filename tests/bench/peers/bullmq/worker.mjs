// BullMQ: the processors, in a process of their own. Prints "ready" when it takes jobs.
//
// Three natural ways to write steps: a job for each, tied by a flow; one job that keeps where it is
// in its data (the "process step jobs" pattern of the guide); and a job that adds a flow.

import { FlowProducer, Worker } from 'bullmq';
import { WIDTH, monotonicNs } from './driver.mjs';

const connection = { host: '127.0.0.1', port: Number(process.env.PEER_REDIS_PORT) };
const opts = { removeOnComplete: true };
const flows = new FlowProducer({ connection });

const children = async (job) => Object.values(await job.getChildrenValues());

const processors = {
  first: async (job) => ({ value: job.data.n + 1, firstStepNs: monotonicNs() }),
  next: async (job) => {
    const [{ value, firstStepNs }] = await children(job);
    return { value: value + 1, firstStepNs };
  },
  list: async (job) => {
    const items = Array.from({ length: WIDTH }, (_, i) => i);
    await flows.add({
      name: 'join',
      queueName: 'last',
      opts: { ...opts, jobId: job.data.joinId },
      children: items.map((item) => ({ name: 'each', queueName: 'steps', data: { item }, opts })),
    });
  },
  each: async (job) => job.data.item * 2,
  join: async (job) => (await children(job)).reduce((a, b) => a + b, 0),
  whole: async (job) => {
    let { value, firstStepNs } = job.data;
    for (let step = job.data.step; step < 10; step += 1) {
      firstStepNs ??= monotonicNs();
      value += 1;
      await job.updateData({ step: step + 1, value, firstStepNs });
    }
    return { value, firstStepNs };
  },
};

const run = (job) => processors[job.name](job);
const workers = ['steps', 'last'].map(
  (queue) => new Worker(queue, run, { connection, concurrency: 256 }),
);
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
process.stdout.write('ready\n');
process.on('SIGTERM', async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  await flows.close();
  process.exit(0);
});
