// Reads `{root, tombi, settings, documents: {service: [{name, file, text, positions}]}}` from
// standard input, asks the services, and writes `{service: [{name, diagnostics, at: [{completions, hover}]}]}`.
"use strict";

const { readFileSync } = require("node:fs");
const { json } = require("./json.cjs");
const { taplo, tombi } = require("./toml.cjs");
const { yaml } = require("./yaml.cjs");

async function main() {
  const { root, documents, settings, tombi: command } = JSON.parse(readFileSync(0, "utf8"));
  const services = { json, yaml, taplo, tombi };
  const results = {};
  await Promise.all(
    Object.entries(documents).map(async ([name, wanted]) => {
      const begun = Date.now();
      results[name] = await services[name](root, wanted, settings, command);
      process.stderr.write(`${name}: ${wanted.length} documents, ${Date.now() - begun} ms\n`);
    }),
  );
  process.stdout.write(JSON.stringify(results), () => process.exit(0));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
