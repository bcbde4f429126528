// What VS Code runs for JSON: its server adds nothing to this library.
"use strict";

const { readFile } = require("node:fs/promises");
const { fileURLToPath } = require("node:url");
const { getLanguageService, TextDocument } = require("vscode-json-languageservice");
const { hoverText, labels, plain } = require("./client.cjs");

async function json(root, documents, settings) {
  const service = getLanguageService({
    schemaRequestService: (uri) => readFile(fileURLToPath(uri), "utf8"),
    workspaceContext: {
      resolveRelativePath: (path, resource) => new URL(path, resource).toString(),
    },
  });
  // As VS Code hands its setting on.
  const schemas = (settings["json.schemas"] ?? []).map(({ fileMatch, url }) => ({ fileMatch, uri: url }));
  service.configure({ validate: true, allowComments: false, schemas });
  const results = [];
  for (const { name, file, text, positions } of documents) {
    const document = TextDocument.create(`${root}/${file}`, "json", 1, text);
    const parsed = service.parseJSONDocument(document);
    const diagnostics = await service.doValidation(document, parsed);
    const at = [];
    for (const position of positions) {
      at.push({
        completions: labels(await service.doComplete(document, position, parsed)),
        hover: hoverText(await service.doHover(document, position, parsed)),
      });
    }
    results.push({ name, diagnostics: diagnostics.map(plain), at });
  }
  return results;
}

module.exports = { json };
