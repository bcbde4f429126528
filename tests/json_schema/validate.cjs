// Reads `{schema, documents, patterns, strings}` from standard input. Writes the verdicts of ajv in
// strict mode on the documents, and of regular expressions with the `u` flag on the strings.
"use strict";

const { readFileSync } = require("node:fs");
const Ajv = require("ajv");

const { schema, documents = [], patterns = {}, strings = [] } = JSON.parse(readFileSync(0, "utf8"));
const warnings = [];
const logger = { log: note, warn: note, error: note };
function note(...words) {
  warnings.push(words.join(" "));
}

let valid = [];
if (schema) {
  const validate = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true, logger }).compile(schema);
  valid = documents.map((document) => validate(document));
}
const matches = Object.fromEntries(
  Object.entries(patterns).map(([name, pattern]) => {
    const expression = new RegExp(pattern, "u");
    return [name, strings.map((string) => expression.test(string))];
  }),
);
process.stdout.write(JSON.stringify({ valid, warnings, matches }));
