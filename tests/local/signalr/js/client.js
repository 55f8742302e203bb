// One connection of the official client, in node and in browsers: it says what it hears, and does what it is told.
// `settings` are set on the connection; `transport` is one of HttpTransportType.
function listen({ HubConnectionBuilder, LogLevel }, MessagePackHubProtocol, [url, accessToken, protocol, options], say) {
  const { transport, ...settings } = JSON.parse(options || "{}");
  let builder = new HubConnectionBuilder()
    .withUrl(url, { accessTokenFactory: () => accessToken, transport })
    .withAutomaticReconnect([0, 100, 500, 1000, 2000])
    .configureLogging(LogLevel.None);
  if (protocol === "messagepack") builder = builder.withHubProtocol(new MessagePackHubProtocol());
  const connection = Object.assign(builder.build(), settings);
  connection.on("news", (...args) => say({ event: "news", args }));
  connection.onreconnecting(() => say({ event: "reconnecting" }));
  connection.onreconnected((id) => say({ event: "reconnected", id }));
  connection.onclose((error) => say({ event: "closed", error: error ? String(error) : null }));
  connection.start().then(
    () => say({ event: "connected", id: connection.connectionId }),
    (error) => say({ event: "failed", error: String(error) }),
  );
  const failed = (error) => say({ event: "error", error: String(error) });
  const call = async ({ method, target, args }) => {
    if (method === "stream") return connection.stream(target, ...args).subscribe({ error: failed });
    try {
      await connection[method](target, ...(args || []));
      say({ event: "sent", target });
    } catch (error) {
      failed(error);
    }
  };
  return { call, stop: () => connection.stop() };
}

if (typeof module !== "undefined") module.exports = { listen };
