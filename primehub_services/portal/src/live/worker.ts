import type { FromStream, ToStream } from './messages';
import { Multiplexer } from './multiplexer';

const ports = new Map<string, MessagePort>();
const stream = new Multiplexer((client, message: FromStream) => {
  for (const [id, port] of ports) if (client === null || client === id) port.postMessage(message);
}, (client) => ports.delete(client));
let made = 0;

(self as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) => {
  const port = event.ports[0]!;
  const id = String(++made);
  port.onmessage = ({ data }: MessageEvent<ToStream>) => {
    ports.set(id, port); // one that was frozen comes back
    stream.receive(id, data);
  };
};
