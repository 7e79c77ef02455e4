// Makes a configurable-http-proxy that answers with a certificate take up a renewed one, while its connections go on.
// The proxy itself reads the files once. Loaded before it: NODE_OPTIONS=--require=<this file>.
'use strict';

const fs = require('node:fs');
const https = require('node:https');
const { syncBuiltinESMExports } = require('node:module');

const EVERY_MS = Number(process.env.PRIMEHUB_CERTIFICATE_EVERY_MS || 30000);

const given = (option) => process.argv.find((word) => word.startsWith(`--${option}=`))?.slice(option.length + 3);
const files = { cert: given('ssl-cert'), key: given('ssl-key') };
const read = () => ({ cert: fs.readFileSync(files.cert), key: fs.readFileSync(files.key) });
const same = (one, other) => one.cert.equals(other.cert) && one.key.equals(other.key);

function follow(server, options) {
  let shown = { cert: Buffer.from(options.cert), key: Buffer.from(options.key) };
  const look = () => {
    try {
      const found = read();
      if (same(found, shown)) return;
      // throws where only one of the two is new yet: then it is looked at again
      server.setSecureContext({ ...options, ...found });
      shown = found;
      console.log('primehub: a renewed certificate is in use');
    } catch (error) {
      console.error(`primehub: the certificate cannot be renewed just now: ${error.message}`);
    }
  };
  setInterval(look, EVERY_MS).unref();
}

if (files.cert && files.key) {
  const create = https.createServer;
  https.createServer = function createServer(options, ...more) {
    const server = create.call(this, options, ...more);
    // not the server of the proxy's own API, which may have another one
    if (options?.cert && options.key && same({ cert: Buffer.from(options.cert), key: Buffer.from(options.key) }, read())) {
      follow(server, options);
    }
    return server;
  };
  syncBuiltinESMExports();
}
