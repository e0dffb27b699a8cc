// SPDX-License-Identifier: Apache-2.0
// node hub.mjs URL: calls functions of @huggingface/hub against URL. Reads from its input one line
// of JSON per call, {"call": name, "params": {...}}, and prints one line for each: {"value": ...}
// or {"error": {status, message, requestId}}. A blob is told by its size and SHA-256, of the whole
// and of the parts that "slices": [[begin, end], ...] asks for. {"$file": path} in the parameters
// stands for a blob of the file's bytes, {"$folder": path} for the URL of a folder, all of which is meant.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import readline from 'node:readline'
import { pathToFileURL } from 'node:url'
import * as hub from '@huggingface/hub'

const hubUrl = process.argv[2]
console.debug = () => {} // Downloads to a cache chat.

const digest = async blob =>
  createHash('sha256').update(new Uint8Array(await blob.arrayBuffer())).digest('hex')

async function describe (blob, slices) {
  const parts = []
  for (const [begin, end] of slices) parts.push(await digest(blob.slice(begin, end)))
  return { size: blob.size, sha256: await digest(blob), parts }
}

function revive (key, value) {
  if (value?.$file) return new Blob([readFileSync(value.$file)])
  return value?.$folder ? pathToFileURL(value.$folder + '/') : value
}

async function run ({ call, params, slices = [] }) {
  // The one that takes no object.
  const made = call === 'scanCacheDir' ? hub.scanCacheDir(params.cacheDir) : hub[call]({ hubUrl, ...params })
  if (made?.[Symbol.asyncIterator]) {
    const all = []
    for await (const item of made) all.push(item)
    return all
  }
  const value = await made
  return value instanceof Blob ? describe(value, slices) : value ?? null
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let reply
  try {
    reply = { value: await run(JSON.parse(line, revive)) }
  } catch (error) {
    reply = {
      error: { status: error.statusCode, message: error.message, requestId: error.requestId }
    }
  }
  console.log(JSON.stringify(reply))
}
