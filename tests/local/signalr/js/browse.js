// A client on a page in a headless browser: says and takes the same lines as listen.js.
// Arguments: the browser, the page, then those of listen.js.
const { chromium } = require("playwright-core");

const [executablePath, address, ...rest] = process.argv.slice(2);
const QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const MORE = ["--no-sandbox", "--disable-component-update", "--disable-sync"]; // root has no sandbox

async function main() {
  const browser = await chromium.launch({ executablePath, args: [...QUIET, ...MORE] });
  const page = await browser.newPage();
  await page.exposeFunction("say", async (message) => {
    console.log(JSON.stringify(message));
    if (["closed", "failed"].includes(message.event)) await browser.close();
  });
  page.on("pageerror", (error) => console.log(JSON.stringify({ event: "broken", error: String(error) })));
  await page.goto(address);
  await page.evaluate((args) => {
    window.client = listen(signalR, signalR.protocols.msgpack.MessagePackHubProtocol, args, say);
  }, rest);
  for await (const line of require("readline").createInterface({ input: process.stdin }))
    await page.evaluate((command) => client.call(command), JSON.parse(line));
  await browser.close();
}

main().then(() => process.exit());
