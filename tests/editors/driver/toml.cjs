// The two language servers for TOML: taplo (VS Code's Even Better TOML) and tombi.
"use strict";

const { existsSync } = require("node:fs");
const { readFile } = require("node:fs/promises");
const { isAbsolute } = require("node:path");
const { fileURLToPath } = require("node:url");
const { TaploLsp } = require("@taplo/lsp");
const { Client, drive, startServer } = require("./client.cjs");

const WARM_UP = { name: "warm-up", file: "warm-up.toml", positions: [] };

async function taplo(root, documents, given) {
  const associations = given["evenBetterToml.schema.associations"] ?? {};
  const settings = {
    evenBetterToml: {
      schema: {
        enabled: true,
        catalogs: [],
        associations,
        cache: { memoryExpiration: 600, diskExpiration: 600 },
      },
      completion: { maxKeys: 5 },
      taplo: { configFile: { enabled: false } },
    },
  };
  const client = new Client((message) => server.send(message), settings);
  const ignored = async (bytes) => bytes.length;
  const environment = {
    now: () => new Date(),
    envVar: (name) => process.env[name],
    envVars: () => Object.entries(process.env),
    stdErrAtty: () => false,
    stdin: async () => new Uint8Array(),
    stdout: ignored,
    stderr: ignored,
    glob: () => [],
    readFile: async (path) => new Uint8Array(await readFile(path)),
    writeFile: async () => {},
    urlToFilePath: (url) => decodeURI(url).slice("file://".length),
    isAbsolute,
    cwd: () => fileURLToPath(root),
    findConfigFile: () => undefined,
    fetch: { fetch, Headers, Request, Response },
  };
  const server = await TaploLsp.initialize(environment, {
    onMessage: (message) => client.receive(structuredClone(message)),
  });
  await client.initialize(root);
  // The first document is judged before its schema is there: one that nobody looks at.
  await drive(client, root, "toml", [{ ...WARM_UP, text: documents[0].text }]);
  const results = await drive(client, root, "toml", documents);
  server.dispose();
  return results;
}

// It reads its settings from the file `tombi.toml` of a project.
async function tombi(root, documents, _, command) {
  if (!existsSync(command)) throw new Error(`there is no ${command}`);
  const client = startServer(command, ["lsp", "--offline"], {});
  try {
    await client.initialize(root);
    return await drive(client, root, "toml", documents);
  } finally {
    await client.stop();
  }
}

module.exports = { taplo, tombi };
