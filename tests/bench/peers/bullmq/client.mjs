// BullMQ: adds jobs in bulk and learns of their end from the events of the last step's queue.

import { randomUUID } from 'node:crypto';
import { FlowProducer, Queue, QueueEvents } from 'bullmq';
import { serve } from './driver.mjs';

const connection = { host: '127.0.0.1', port: Number(process.env.PEER_REDIS_PORT) };
const opts = { removeOnComplete: true };

/** Ten jobs, each the only child of the one after it; the last one carries `jobId`. */
function tenInARow(jobId) {
  let job = { name: 'first', queueName: 'steps', data: { n: 0 }, opts };
  for (let step = 1; step < 10; step += 1) {
    const last = step === 9;
    job = {
      name: 'next',
      queueName: last ? 'last' : 'steps',
      opts: last ? { ...opts, jobId } : opts,
      children: [job],
    };
  }
  return job;
}

class BullMq {
  constructor(way) {
    this.way = way;
    this.flows = new FlowProducer({ connection });
    this.steps = new Queue('steps', { connection });
    this.last = new Queue('last', { connection });
    this.events = new QueueEvents('last', { connection });
    this.waiting = new Map();
    this.gathered = new Map();
    this.events.on('completed', ({ jobId, returnvalue }) => this.settle(jobId, returnvalue));
    this.events.on('failed', ({ jobId, failedReason }) => {
      this.waiting.get(jobId)?.reject(new Error(failedReason));
    });
  }

  settle(jobId, value) {
    const waiting = this.waiting.get(jobId);
    this.waiting.delete(jobId);
    waiting?.resolve(typeof value === 'string' ? JSON.parse(value) : value);
  }

  ended(jobId) {
    return new Promise((resolve, reject) => this.waiting.set(jobId, { resolve, reject }));
  }

  /** Add with whatever else is added in this turn of the event loop. */
  add(producer, job) {
    if (this.gathered.size === 0) setImmediate(() => this.flush());
    this.gathered.set(producer, [...(this.gathered.get(producer) ?? []), job]);
  }

  flush() {
    for (const [producer, jobs] of this.gathered) {
      producer.addBulk(jobs).catch((error) => {
        for (const { reject } of this.waiting.values()) reject(error);
      });
    }
    this.gathered.clear();
  }

  chain() {
    const jobId = randomUUID();
    if (this.way === 'flow') {
      this.add(this.flows, tenInARow(jobId));
    } else {
      this.add(this.last, { name: 'whole', data: { step: 0, value: 0 }, opts: { ...opts, jobId } });
    }
    return this.ended(jobId);
  }

  fanOut() {
    const joinId = randomUUID();
    this.add(this.steps, { name: 'list', data: { joinId }, opts });
    return this.ended(joinId);
  }

  async close() {
    await Promise.all([this.flows, this.steps, this.last, this.events].map((each) => each.close()));
  }
}

const engine = new BullMq(process.env.PEER_WAY);
await engine.events.waitUntilReady();
await serve(engine);
process.exit(0);
