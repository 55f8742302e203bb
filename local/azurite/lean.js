"use strict";
/**
 * Spares Azurite what it loads and never uses here: preload it with `node --require`.
 *
 * Telemetry is off (`--disableTelemetry`), but its packages would be loaded all the same: two thirds of a start.
 */
const path = require("node:path");

const azurite = path.dirname(require.resolve("azurite/package.json"));
const telemetry = require.resolve("applicationinsights", { paths: [azurite] });
require.cache[telemetry] = { id: telemetry, filename: telemetry, loaded: true, exports: {} };
