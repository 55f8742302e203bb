// The official client: connects, prints what it hears as lines of JSON, and does what lines on its input say.
// Arguments: url, access token, protocol, and as JSON what else to set on the connection (`transport` included).
const { HubConnectionBuilder, LogLevel } = require("@microsoft/signalr");
const { MessagePackHubProtocol } = require("@microsoft/signalr-protocol-msgpack");

const [url, accessToken, protocol, options] = process.argv.slice(2);
const { transport, ...settings } = JSON.parse(options || "{}");
const say = (message) => console.log(JSON.stringify(message));
let builder = new HubConnectionBuilder()
  .withUrl(url, { accessTokenFactory: () => accessToken, transport })
  .withAutomaticReconnect([0, 100, 500, 1000, 2000])
  .configureLogging(LogLevel.None);
if (protocol === "messagepack") builder = builder.withHubProtocol(new MessagePackHubProtocol());
const connection = Object.assign(builder.build(), settings);

connection.on("news", (...args) => say({ event: "news", args }));
connection.onreconnecting(() => say({ event: "reconnecting" }));
connection.onreconnected((id) => say({ event: "reconnected", id }));
connection.onclose((error) => {
  say({ event: "closed", error: error ? String(error) : null });
  process.exit(0);
});
connection.start().then(
  () => say({ event: "connected", id: connection.connectionId }),
  (error) => {
    say({ event: "failed", error: String(error) });
    process.exit(1);
  },
);
require("readline")
  .createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const { method, target, args } = JSON.parse(line);
    const failed = (error) => say({ event: "error", error: String(error) });
    if (method === "stream") return connection.stream(target, ...args).subscribe({ error: failed });
    try {
      await connection[method](target, ...(args || []));
      say({ event: "sent", target });
    } catch (error) {
      failed(error);
    }
  })
  .on("close", () => connection.stop());
