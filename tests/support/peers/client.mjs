// A client of an MCP server on one of the official TypeScript SDKs:
//
//     node client.mjs <folder of node_modules> <package> <generation> <calls> <server> [argument…]
//
// It connects, lists the tools, makes the calls (JSON: [{tool, arguments, changes}]), leaves, and prints what it saw as one JSON object.
// After a call that `changes` the list of tools it waits until the SDK was told so and has fetched the list.

import { createRequire } from "node:module";

const [modules, name, generation, calls, command, ...args] = process.argv.slice(2);
// The SDKs are not above this file, where `import` would look.
const require = createRequire(`${modules}/`);
const sdk = {
  "@modelcontextprotocol/sdk": () => ({
    ...require(`${name}/client/index.js`),
    ...require(`${name}/client/stdio.js`),
  }),
  "@modelcontextprotocol/client": () => ({ ...require(name), ...require(`${name}/stdio`) }),
}[name]();

const LIMIT = 20_000;

// What the SDK tells of changes, as it comes, and who waits for it.
const changes = [];
let wake = () => {};

const names = (tools) => tools.map((tool) => tool.name);

const client = new sdk.Client(
  { name: "autoskillit-tests", version: "1.0.0" },
  {
    versionNegotiation: { mode: generation === "initialize" ? "legacy" : { pin: generation } },
    listChanged: {
      tools: {
        debounceMs: 0,
        onChanged: (error, tools) => {
          changes.push(error ? { error: String(error) } : names(tools));
          wake();
        },
      },
    },
  },
);
const transport = new sdk.StdioClientTransport({ command, args, env: process.env, stderr: "inherit" });
// The first SDK tells the version to its transport alone.
let version;
transport.setProtocolVersion = (agreed) => {
  version = agreed;
};

async function change() {
  const late = setTimeout(() => {
    console.error("nobody told that the list of tools changed");
    process.exit(1);
  }, LIMIT);
  while (changes.length === 0) {
    await new Promise((resolve) => {
      wake = resolve;
    });
  }
  clearTimeout(late);
  return changes.shift();
}

await client.connect(transport, { timeout: LIMIT });
const seen = {
  protocol: client.getNegotiatedProtocolVersion?.() ?? version,
  server: client.getServerVersion(),
  instructions: client.getInstructions(),
  tools: names((await client.listTools()).tools),
  answers: [],
};
for (const { tool, arguments: given, changes: changing } of JSON.parse(calls)) {
  const result = await client.callTool({ name: tool, arguments: given }, undefined, { timeout: LIMIT });
  const answer = { tool, is_error: result.isError ?? false, value: JSON.parse(result.content[0].text) };
  if (changing) {
    answer.tools = await change();
  }
  seen.answers.push(answer);
}
seen.unexpected = changes.length;
await client.close();
console.log(JSON.stringify(seen));
