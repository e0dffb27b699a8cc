// SPDX-License-Identifier: Apache-2.0
// node tracker.mjs ANNOUNCE_URL INFO_HASH_HEX PEER_ID_HEX PORT: the life of a peer as npm's
// bittorrent-tracker client tells it. Prints what the tracker answered, one line of JSON each.
import process from 'node:process'
import Client from 'bittorrent-tracker'

const [announce, infoHash, peerId, port] = process.argv.slice(2)
const client = new Client({ announce: [announce], infoHash, peerId, port: Number(port) })
client.on('error', error => { console.error(error); process.exit(1) })
client.on('warning', error => { console.error(error); process.exit(1) })
const say = (what, data) => console.log(JSON.stringify({ what, ...data }))
const next = name => new Promise(resolve => client.once(name, resolve))

async function step (what, event, go) {
  const peers = []
  client.on('peer', peer => peers.push(peer))
  const answer = next(event)
  go()
  const data = await answer
  client.removeAllListeners('peer')
  say(what, {
    complete: data.complete, incomplete: data.incomplete, downloaded: data.downloaded, peers
  })
}

await step('start', 'update', () => client.start({ left: 100 }))
await step('update', 'update', () => client.update({ left: 50, downloaded: 50 }))
await step('complete', 'update', () => client.complete({ left: 0, downloaded: 100 }))
await step('scrape', 'scrape', () => client.scrape())
await step('stop', 'update', () => client.stop({ left: 0 }))
client.destroy()
