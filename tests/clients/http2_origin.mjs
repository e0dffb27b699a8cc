// SPDX-License-Identifier: Apache-2.0
// node http2_origin.mjs CERT KEY FILE SHA256 COMMIT: an origin that speaks HTTP/2 alone. It has the
// file as org/cold/weights.bin, in LFS as the hub does. Prints its port, then a line of JSON for
// each request: {session, method, path, range}. Reads commands, one a line: "reset N" ends the next
// N bodies in the middle, "goaway N" does so with the session as well.
import { createReadStream, readFileSync, statSync } from 'node:fs'
import http2 from 'node:http2'
import process from 'node:process'
import readline from 'node:readline'

const [cert, key, file, sha256, commit] = process.argv.slice(2)
const size = statSync(file).size
const faults = { reset: 0, goaway: 0 }
const say = data => console.log(JSON.stringify(data))
const numbers = new Map() // Of sessions.

readline.createInterface({ input: process.stdin }).on('line', line => {
  const [what, count] = line.split(' ')
  faults[what] = Number(count)
  say({ ready: line })
}).on('close', () => process.exit(0))

function takeFault () {
  const kind = Object.keys(faults).find(name => faults[name] > 0)
  if (kind) faults[kind]--
  return kind
}

function sendBody (stream, method, range) {
  const asked = /^bytes=(\d+)-(\d*)$/.exec(range ?? '')
  const start = asked ? Number(asked[1]) : 0
  const end = asked?.[2] ? Math.min(Number(asked[2]), size - 1) : size - 1
  const head = { 'etag': `"${sha256.slice(0, 32)}"`, 'accept-ranges': 'bytes', 'content-length': end - start + 1 }
  stream.respond(asked
    ? { ':status': 206, ...head, 'content-range': `bytes ${start}-${end}/${size}` }
    : { ':status': 200, ...head }, { endStream: method === 'HEAD' })
  if (method === 'HEAD') return
  const fault = takeFault()
  if (!fault) return createReadStream(file, { start, end }).pipe(stream)
  const half = Math.floor((start + end) / 2)
  stream.write(readFileSync(file).subarray(start, half), () => {
    stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR)
    if (fault === 'goaway') stream.session?.destroy()
  })
}

const server = http2.createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) })
server.on('session', session => {
  numbers.set(session, numbers.size + 1)
  session.on('error', () => {})
})
server.on('stream', (stream, headers) => {
  const { ':method': method, ':path': path, range } = headers
  stream.on('error', () => {})
  say({ session: numbers.get(stream.session), method, path, range })
  if (path === `/cdn/${sha256}`) return sendBody(stream, method, range)
  if (!/^\/org\/cold\/resolve\/(main|[0-9a-f]{40})\/weights\.bin$/.test(path)) {
    return stream.respond({ ':status': 404, 'x-error-code': 'RepoNotFound' }, { endStream: true })
  }
  stream.respond({
    ':status': 302,
    location: `/cdn/${sha256}`,
    'x-repo-commit': commit,
    'x-linked-etag': `"${sha256}"`,
    'x-linked-size': size
  }, { endStream: true })
})
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }))
