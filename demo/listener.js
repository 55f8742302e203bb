// A learner's screen: the official SignalR client, which prints every message as a line of JSON.
const { HubConnectionBuilder, LogLevel } = require("@microsoft/signalr");

const [url, accessToken] = process.argv.slice(2);
const types = ["session_started", "learning_feedback", "lesson_adapted", "achievement", "notification", "session_ended"];
const connection = new HubConnectionBuilder()
  .withUrl(url, { accessTokenFactory: () => accessToken })
  .withAutomaticReconnect()
  .configureLogging(LogLevel.Warning)
  .build();

for (const type of types) {
  connection.on(type, (envelope) => console.log(JSON.stringify({ type, envelope })));
}
connection.start().then(
  () => console.log(JSON.stringify({ type: "connected", connectionId: connection.connectionId })),
  (error) => {
    console.error(String(error));
    process.exit(1);
  },
);
process.stdin.on("end", () => connection.stop().then(() => process.exit(0))).resume();
