// Node's tls as a peer: takes requests on standard input as stacks.py puts them, and answers on standard output.
"use strict";

const crypto = require("crypto");
const fs = require("fs");
const readline = require("readline");
const tls = require("tls");

const PATIENCE = 20000;
const GROUPS = { secp256r1: "P-256", secp384r1: "P-384", secp521r1: "P-521", x25519: "X25519", x448: "X448" };

// A pre-shared key, as the callback that each role wants.
function psk(options, client) {
  if (!options.psk) {
    return {};
  }
  const [identity, key] = options.psk.split(":");
  const secret = Buffer.from(key, "hex");
  return {
    pskCallback: client ? () => ({ psk: secret, identity }) : (socket, name) => (name === identity ? secret : null),
    ciphers: options.suites || "TLS_AES_128_GCM_SHA256",
    checkServerIdentity: client ? () => undefined : undefined,
  };
}

function settings(options) {
  const file = (name) => (options[name] ? fs.readFileSync(options[name]) : undefined);
  return {
    ca: file("ca"),
    cert: file("cert"),
    key: file("key"),
    minVersion: "TLSv1.3",
    ciphers: options.suites ? options.suites.replaceAll(",", ":") : undefined,
    ecdhCurve: options.groups ? options.groups.split(",").map((name) => GROUPS[name]).join(":") : "auto",
    ALPNProtocols: options.alpn ? options.alpn.split(",") : undefined,
    requestCert: Boolean(options.auth),
    rejectUnauthorized: options.auth !== "request",
    handshakeTimeout: PATIENCE,
  };
}

function payload(size) {
  return Buffer.from({ length: size }, (_, i) => (i * 31) % 251);
}

function report(socket, options, name) {
  const words = ["done", `suite=${socket.getCipher().standardName}`, `alpn=${socket.alpnProtocol || ""}`, `name=${name}`];
  words.push(`resumed=${socket.isSessionReused()}`);
  const key = socket.getEphemeralKeyInfo();
  if (key && key.name) {
    const group = Object.keys(GROUPS).find((each) => GROUPS[each] === key.name);
    words.push(`group=${group || { prime256v1: "secp256r1" }[key.name] || key.name}`);
  }
  const certificate = socket.getPeerCertificate();
  if (certificate && certificate.raw) {
    words.push(`peer=${crypto.createHash("sha256").update(certificate.raw).digest("hex")}`);
  }
  if (options.export) {
    const secret = socket.exportKeyingMaterial(32, options.export, Buffer.from(options.context || ""));
    words.push(`exported=${secret.toString("hex")}`);
  }
  return words.join(" ");
}

// Has the payload echoed, half-closes, and sees the other side do the same. Gives the session of the last ticket.
function connectOnce(options, session) {
  return new Promise((resolve, reject) => {
    const name = options.name || "localhost";
    const where = { host: "127.0.0.1", port: Number(options.port), servername: name, session, allowHalfOpen: true };
    const wanted = { ...settings(options), ...psk(options, true), rejectUnauthorized: true };
    const sent = payload(Number(options.size || 6));
    const received = [];
    let size = 0;
    let latest = session;
    let line = "";
    let rounds = Number(options.rounds || 1);
    const socket = tls.connect({ ...wanted, ...where }, () => {
      line = report(socket, options, name);
      socket.write(sent);
    });
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error("no answer")));
    socket.on("session", (each) => (latest = each));
    socket.on("error", reject);
    socket.on("data", (data) => {
      received.push(data);
      size += data.length;
      if (size < sent.length) {
        return;
      }
      if (!Buffer.concat(received).equals(sent)) {
        reject(new Error("another echo"));
      }
      rounds -= 1;
      size = received.length = 0;
      rounds === 0 ? socket.end() : socket.write(sent);
    });
    socket.on("end", () => {
      rounds === 0 ? console.log(line) : reject(new Error("too early an end"));
      resolve(latest);
    });
  });
}

async function connect(options) {
  let session;
  for (let i = 0; i < Number(options.count || 1); i++) {
    session = await connectOnce(options, session);
  }
}

function listen(options) {
  return new Promise((resolve, reject) => {
    let left = Number(options.count || 1);
    const done = (line) => {
      console.log(line);
      left -= 1;
      if (left === 0) {
        server.close();
        resolve();
      }
    };
    const server = tls.createServer({ ...settings(options), ...psk(options, false), allowHalfOpen: true }, (socket) => {
      const line = report(socket, options, socket.servername || "");
      socket.setTimeout(PATIENCE, () => socket.destroy(new Error("no request")));
      socket.on("error", (error) => done(`failed ${error.message}`.replaceAll("\n", " ")));
      socket.on("end", () => {
        socket.end();
        done(line);
      });
      socket.on("data", (data) => socket.write(data));
    });
    server.on("tlsClientError", (error) => done(`failed ${error.message}`.replaceAll("\n", " ")));
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => console.log(`listening port=${server.address().port}`));
  });
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [verb, ...words] = line.split(" ");
    const options = Object.fromEntries(words.map((word) => [word.split("=")[0], word.slice(word.indexOf("=") + 1)]));
    try {
      await (verb === "connect" ? connect(options) : listen(options));
    } catch (error) {
      console.log(`failed ${error.message}`.replaceAll("\n", " "));
    }
  }
}

main();
