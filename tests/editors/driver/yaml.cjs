// The language server for YAML, over its standard streams, as VS Code and neovim run it.
"use strict";

const { drive, startServer } = require("./client.cjs");

async function yaml(root, documents, settings) {
  const server = require.resolve("yaml-language-server/bin/yaml-language-server");
  const client = startServer(process.execPath, [server, "--stdio"], {
    yaml: {
      validate: true,
      schemas: settings["yaml.schemas"] ?? {},
      hover: true,
      completion: true,
      schemaStore: { enable: false, url: "" },
      disableSchemaDetection: true,
    },
    "[yaml]": {},
    editor: {},
    files: {},
    http: {},
  });
  try {
    await client.initialize(root);
    return await drive(client, root, "yaml", documents);
  } finally {
    await client.stop();
  }
}

module.exports = { yaml };
