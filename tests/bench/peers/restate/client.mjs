// Restate: calls handlers through the server's ingress and waits for their results.

import * as clients from '@restatedev/restate-sdk-clients';
import { serve } from './driver.mjs';

const ingress = clients.connect({ url: process.env.PEER_INGRESS_URL });
const service = ingress.serviceClient({ name: process.env.PEER_WAY });

await serve({
  chain: () => service.chain(),
  fanOut: () => service.fanOut(),
  close: async () => {},
});
process.exit(0);
