"use strict";
/**
 * Makes Azurite survive `kill -9`: preload it with `node --require`.
 *
 * Azurite keeps its metadata in memory (LokiJS) and saves each database whole every five seconds, so a kill loses what
 * was acknowledged since. Here every change is also appended to a journal beside the database, before the HTTP response
 * that acknowledges it begins. A start replays the journals over the saved database; a completed save removes them.
 * `<database>.journal-<generation>` holds one JSON array a line, one line a flush, of
 *   ["collection", name, options]   created        ["drop", name]   removed
 *   ["document", collection, id, document]   its state when the line was written, null when it is gone
 *
 * Azurite runs a batch (an entity-group transaction) without waiting for I/O between its operations, so no response and
 * no flush falls between them: a batch is one line, whole or, when torn, ignored. Lines hold states, not operations, so
 * replaying changes that the saved database has already is harmless.
 */
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");

const azurite = path.dirname(require.resolve("azurite/package.json"));
const Loki = require(require.resolve("lokijs", { paths: [azurite] }));

const journals = []; // in the order in which they are flushed
let flushPlanned = false;

const journalPath = (db, generation) => `${db.filename}.journal-${generation}`;

/** The generations on disk, oldest first. */
function generations(db) {
  const prefix = path.basename(journalPath(db, ""));
  const names = fs.readdirSync(path.dirname(db.filename)).filter((name) => name.startsWith(prefix));
  return names.map((name) => Number(name.slice(prefix.length))).sort((a, b) => a - b);
}

class Journal {
  structure = []; // collections created and removed since the last flush
  touched = new Map(); // collection -> ids of its documents that changed since the last flush

  constructor(db) {
    this.db = db;
    this.generation = Math.max(0, ...generations(db)) + 1;
    // A blob's document names extents: theirs are flushed first, so that they are there when the blob's is.
    if (path.basename(db.filename).includes("extent")) journals.unshift(this);
    else journals.push(this);
  }

  flush() {
    const line = this.structure;
    for (const [collection, ids] of this.touched) {
      for (const id of ids) line.push(["document", collection.name, id, collection.get(id)]);
    }
    this.structure = [];
    this.touched.clear();
    if (line.length === 0) return;
    this.fd ??= fs.openSync(journalPath(this.db, this.generation), "a");
    const bytes = Buffer.from(JSON.stringify(line) + "\n");
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.fd, bytes, done);
  }

  /** Begin the next generation; a save that starts now covers the returned one and all before it. */
  rotate() {
    this.flush();
    if (this.fd !== undefined) fs.closeSync(this.fd);
    this.fd = undefined;
    return this.generation++;
  }
}

function replay(db) {
  const contents = new Map(); // collection -> its documents by id
  for (const generation of generations(db)) {
    // What follows the last newline was being written when the process died: nobody had been told of it.
    const lines = fs.readFileSync(journalPath(db, generation), "utf8").split("\n").slice(0, -1);
    for (const [kind, name, value, document] of lines.flatMap((line) => JSON.parse(line))) {
      const collection = kind === "collection" ? db.addCollection(name, value) : db.getCollection(name);
      if (collection === null) continue; // the saved database is newer and knows of the removal that follows
      if (kind === "drop") {
        contents.delete(collection);
        db.removeCollection(name);
      } else if (kind === "document") {
        const documents = contents.get(collection) ?? new Map(collection.data.map((each) => [each.$loki, each]));
        if (document === null) documents.delete(value);
        else documents.set(value, document);
        contents.set(collection, documents);
        collection.maxId = Math.max(collection.maxId, value);
      }
    }
  }
  for (const [collection, documents] of contents) {
    collection.data = [...documents.values()].sort((a, b) => a.$loki - b.$loki);
    collection.idIndex = null; // this and the unique indices are built anew when first asked for
    collection.constraints.unique = {};
    collection.ensureAllIndexes(true);
  }
}

function flushAll() {
  flushPlanned = false;
  try {
    for (const journal of journals) journal.flush();
  } catch (error) {
    console.error(`Azurite's journal cannot be written: ${error.message}`); // say no more "done": the disk is full
    process.exit(1);
  }
}

/** The journal of the database for which `isIts` holds, if it has one yet: what a start reads from disk needs none. */
function journalWhere(isIts) {
  const journal = journals.find(({ db }) => isIts(db));
  // A response flushes before it begins; this is for changes that none follows, such as the garbage collector's.
  if (journal !== undefined && !flushPlanned) setImmediate(flushAll);
  flushPlanned ||= journal !== undefined;
  return journal;
}

function touch(collection, ids) {
  const journal = journalWhere((db) => db.collections.includes(collection));
  if (journal === undefined) return;
  if (!journal.touched.has(collection)) journal.touched.set(collection, new Set());
  for (const id of ids) journal.touched.get(collection).add(id);
}

/** Let `around(original, self, ...arguments)` run instead of a method. A method that is gone stops the start. */
function patch(owner, name, around) {
  const original = owner[name];
  if (typeof original !== "function") throw new Error(`journal.js does not fit this Azurite: no ${name}`);
  owner[name] = function (...args) {
    return around((...given) => original.apply(this, given), this, ...args);
  };
}

patch(Loki.prototype, "addCollection", (add, self, name, options) => {
  journalWhere((db) => db === self)?.structure.push(["collection", name, options]);
  return add(name, options);
});
patch(Loki.prototype, "removeCollection", (remove, self, name) => {
  const journal = journalWhere((db) => db === self);
  journal?.touched.delete(self.getCollection(name));
  journal?.structure.push(["drop", name]);
  return remove(name);
});
patch(Loki.prototype, "loadDatabaseInternal", (load, self, options, callback) =>
  load(options, (error) => {
    if (!error) replay(self);
    callback(error);
  }));
patch(Loki.prototype, "saveDatabaseInternal", (save, self, callback) => {
  if (!(self.persistenceAdapter instanceof Loki.LokiFsAdapter)) return save(callback);
  const covered = (journals.find(({ db }) => db === self) ?? new Journal(self)).rotate();
  return save((error) => {
    if (!error) for (const old of generations(self)) if (old <= covered) fs.unlinkSync(journalPath(self, old));
    callback(error);
  });
});

// Every way to insert ends in `add`, to update in `update`, to remove in `remove` or `removeBatchByPositions`.
patch(Loki.Collection.prototype, "add", (add, self, document) => {
  const added = add(document);
  touch(self, [document.$loki]);
  return added;
});
patch(Loki.Collection.prototype, "update", (update, self, document) => {
  if (!Array.isArray(document)) touch(self, [document.$loki]); // the members of an array come back one by one
  return update(document);
});
patch(Loki.Collection.prototype, "remove", (remove, self, document) => {
  const id = document.$loki; // gone afterwards
  const removed = remove(document);
  if (!Array.isArray(document)) touch(self, [id]);
  return removed;
});
patch(Loki.Collection.prototype, "removeBatchByPositions", (remove, self, positions) => {
  touch(self, positions.map((position) => self.data[position].$loki));
  return remove(positions);
});

for (const name of ["writeHead", "end"]) {
  patch(http.ServerResponse.prototype, name, (respond, _, ...args) => {
    flushAll();
    return respond(...args);
  });
}
