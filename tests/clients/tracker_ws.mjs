// SPDX-License-Identifier: Apache-2.0
// node tracker_ws.mjs SEED_URL LEECH_URL INFO_HASH_HEX: two of npm's tracker clients meet through
// the WebSocket tracker and send each other a text over WebRTC. The URLs must differ: clients of
// one process share a socket per URL, and a tracker does not introduce a socket to itself. Prints
// what happened, one line of JSON each.
import process from 'node:process'
import Client from 'bittorrent-tracker'
import wrtc from '@roamhq/wrtc'

const [seedUrl, leechUrl, infoHash] = process.argv.slice(2)
const say = (what, data) => console.log(JSON.stringify({ what, ...data }))
const fail = error => { console.error(error); process.exit(1) }
const next = (emitter, name) => new Promise(resolve => emitter.once(name, resolve))
const numbers = data => ({
  complete: data.complete, incomplete: data.incomplete, downloaded: data.downloaded
})

function client (url, name) {
  const made = new Client({
    announce: [url], infoHash, peerId: Buffer.from(`-NP0001-${name.repeat(12)}`), port: 1, wrtc
  })
  made.on('error', fail)
  made.on('warning', fail)
  return made
}

async function step (who, what, event, go) {
  const answer = next(who, event)
  go()
  say(what, numbers(await answer))
}

const seed = client(seedUrl, 's')
const leech = client(leechUrl, 'l')
const heard = who => new Promise(resolve => who.once('peer', peer => {
  peer.once('data', data => resolve({ from: peer.id, text: Buffer.from(data).toString() }))
  peer.once('connect', () => peer.send(`hello from ${who === seed ? 'seed' : 'leech'}`))
}))
const both = Promise.all([heard(seed), heard(leech)])

await step(seed, 'seed starts', 'update', () => seed.start({ left: 0, numwant: 0 }))
await step(leech, 'leech starts', 'update', () => leech.start({ left: 100 }))
const [atSeed, atLeech] = await both
say('seed heard', atSeed)
say('leech heard', atLeech)
await step(leech, 'leech completes', 'update', () => leech.complete({ left: 0 }))
await step(leech, 'scrape', 'scrape', () => leech.scrape())
await step(leech, 'leech stops', 'update', () => leech.stop({ left: 0 }))
say('end', {})
process.exit(0)
