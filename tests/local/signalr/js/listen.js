// A client in node: prints what happens to it as lines of JSON, and does what lines on its input say.
// Arguments: url, access token, protocol, and as JSON what else to set on the connection.
const signalR = require("@microsoft/signalr");
const { MessagePackHubProtocol } = require("@microsoft/signalr-protocol-msgpack");
const { listen } = require("./client.js");

const say = (message) => {
  console.log(JSON.stringify(message));
  if (["closed", "failed"].includes(message.event)) process.exit();
};
const client = listen(signalR, MessagePackHubProtocol, process.argv.slice(2), say);
require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => client.call(JSON.parse(line)))
  .on("close", () => client.stop());
