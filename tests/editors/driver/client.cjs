// A client of the language server protocol: opens documents, answers what servers ask, and keeps
// the diagnostics that they publish.
"use strict";

const { spawn } = require("node:child_process");
const { once } = require("node:events");

class Client {
  #next = 1;
  #pending = new Map();
  #published = new Map();
  #waiting = new Set();
  #settings;

  constructor(send, settings) {
    this.send = send;
    this.#settings = settings;
  }

  // What the server says goes in here.
  receive(message) {
    if (message.id !== undefined && message.method !== undefined) {
      this.send({ jsonrpc: "2.0", id: message.id, result: this.#answer(message) });
    } else if (message.id !== undefined) {
      const { resolve, reject } = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if (message.error) reject(new Error(JSON.stringify(message.error)));
      else resolve(message.result);
    } else if (message.method === "textDocument/publishDiagnostics") {
      const { uri, diagnostics } = message.params;
      this.#published.set(uri, { diagnostics, at: Date.now() });
      for (const wake of [...this.#waiting]) wake();
    }
  }

  #answer({ method, params }) {
    if (method !== "workspace/configuration") return null;
    return params.items.map(({ section }) => this.#settings[section] ?? null);
  }

  request(method, params) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.send({ jsonrpc: "2.0", id, method, params });
    });
  }

  notify(method, params) {
    this.send({ jsonrpc: "2.0", method, params });
  }

  async initialize(root, capabilities = {}) {
    await this.request("initialize", {
      processId: process.pid,
      rootUri: root,
      workspaceFolders: [{ uri: root, name: "root" }],
      capabilities: {
        workspace: { configuration: true, workspaceFolders: true },
        textDocument: {
          hover: { contentFormat: ["markdown", "plaintext"] },
          completion: { completionItem: { documentationFormat: ["markdown", "plaintext"] } },
          publishDiagnostics: {},
        },
        ...capabilities,
      },
    });
    this.notify("initialized", {});
  }

  open(uri, languageId, text) {
    this.notify("textDocument/didOpen", {
      textDocument: { uri, languageId, version: 1, text },
    });
  }

  published(uri) {
    return this.#published.get(uri)?.diagnostics;
  }

  // Until diagnostics of all these documents are there, and none has come for a while.
  async settle(uris, { quiet = 150, limit = 30_000 } = {}) {
    const end = Date.now() + limit;
    for (;;) {
      const known = uris.map((uri) => this.#published.get(uri));
      const last = Math.max(...known.map((entry) => entry?.at ?? 0));
      if (known.every(Boolean) && Date.now() - last >= quiet) return;
      if (Date.now() > end) {
        const lacking = uris.filter((uri) => !this.#published.has(uri));
        throw new Error(`no diagnostics came for ${lacking.join(", ")}`);
      }
      await new Promise((resolve) => {
        const timer = setTimeout(done, 40);
        const waiting = this.#waiting;
        function done() {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        }
        waiting.add(done);
      });
    }
  }

  // Everything that a service says at some places of a document that is open.
  async ask(uri, positions) {
    const asked = [];
    for (const position of positions) {
      const place = { textDocument: { uri }, position };
      asked.push({
        completions: labels(await this.request("textDocument/completion", place)),
        hover: hoverText(await this.request("textDocument/hover", place)),
      });
    }
    return asked;
  }
}

function labels(completion) {
  const items = Array.isArray(completion) ? completion : (completion?.items ?? []);
  return [...new Set(items.map((item) => item.label))].sort();
}

function hoverText(hover) {
  const parts = [hover?.contents ?? []].flat();
  return parts.map((part) => (typeof part === "string" ? part : part.value)).join("\n");
}

// A server that talks over its standard streams.
function startServer(command, args, settings) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
  const client = new Client((message) => {
    const body = Buffer.from(JSON.stringify(message));
    child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    child.stdin.write(body);
  }, settings);
  let buffer = Buffer.alloc(0);
  child.stdout.on("data", (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      const header = buffer.indexOf("\r\n\r\n");
      if (header < 0) return;
      const length = Number(/content-length: *(\d+)/i.exec(buffer.subarray(0, header))[1]);
      const end = header + 4 + length;
      if (buffer.length < end) return;
      const message = JSON.parse(buffer.subarray(header + 4, end).toString());
      buffer = buffer.subarray(end);
      client.receive(message);
    }
  });
  client.stop = async () => {
    child.kill();
    await once(child, "exit");
  };
  return client;
}

// The documents of one server: opened, then asked about, some at a time. More than about sixty that
// are opened at once are too many for tombi: it stops to answer.
async function drive(client, root, language, documents, { atOnce = 30 } = {}) {
  const results = [];
  for (let first = 0; first < documents.length; first += atOnce) {
    const some = documents.slice(first, first + atOnce);
    const uris = some.map(({ file }) => `${root}/${file}`);
    some.forEach(({ text }, index) => client.open(uris[index], language, text));
    await client.settle(uris);
    for (const [index, { name, positions }] of some.entries()) {
      const at = await client.ask(uris[index], positions);
      results.push({ name, diagnostics: client.published(uris[index]).map(plain), at });
    }
  }
  return results;
}

function plain({ message, range: { start, end } }) {
  return { message, range: [start.line, start.character, end.line, end.character] };
}

module.exports = { Client, drive, hoverText, labels, plain, startServer };
