// Reads an AsyncAPI document on standard input; prints what AsyncAPI's own parser says of it, as JSON.
const { readFileSync } = require('node:fs')
const { Parser } = require('@asyncapi/parser')

new Parser().parse(readFileSync(0, 'utf8')).then(({ document, diagnostics }) => {
  const found = diagnostics.map(({ code, message, path, severity }) => ({ code, message, path, severity }))
  const messages = document ? document.allMessages().all().map((message) => message.name()) : []
  process.stdout.write(JSON.stringify({ messages, found }))
})
