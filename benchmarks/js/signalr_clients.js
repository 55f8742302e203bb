// Many official clients in one process. It answers each line on its input with a line of JSON:
// {url, tokens, atATime} connects one client a token, so many at a time: how long each took, in ms;
// {heard: n} waits for n pushes, at most ten seconds: how long each took, from the time in it to its handler.
const { HubConnectionBuilder, LogLevel } = require("@microsoft/signalr");

let took = [];
let arrived = () => {};
const milliseconds = (since) => Number(process.hrtime.bigint() - since) / 1e6;

async function connect(url, token) {
  const connection = new HubConnectionBuilder()
    .withUrl(url, { accessTokenFactory: () => token })
    .configureLogging(LogLevel.None)
    .build();
  connection.on("news", (news) => {
    took.push(milliseconds(BigInt(news.sent)));
    arrived();
  });
  const began = process.hrtime.bigint();
  await connection.start();
  return milliseconds(began);
}

async function connectAll({ url, tokens, atATime }) {
  const durations = [];
  const worker = async () => {
    while (tokens.length) durations.push(await connect(url, tokens.pop()));
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return durations;
}

async function heard(count) {
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, 10000);
    arrived = () => {
      if (took.length < count) return;
      clearTimeout(timer);
      resolve();
    };
    arrived();
  });
  arrived = () => {};
  return took.splice(0);
}

async function main() {
  for await (const line of require("readline").createInterface({ input: process.stdin })) {
    const question = JSON.parse(line);
    console.log(JSON.stringify(await (question.tokens ? connectAll(question) : heard(question.heard))));
  }
  process.exit(0);
}

main();
