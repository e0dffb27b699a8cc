// SPDX-License-Identifier: Apache-2.0
// node webtorrent.mjs TORRENT|MAGNET DIR IP PORT: downloads, then seeds until SIGTERM. Prints one
// line of JSON per second and at every change that a test waits for.
import { readFile } from 'node:fs/promises'
import net from 'node:net'
import process from 'node:process'
import WebTorrent from 'webtorrent'

const [source, path, ip, port] = process.argv.slice(2)

// Trackers and peers see the address that a connection comes from; WebTorrent has no option for it.
const connect = net.Socket.prototype.connect
net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0]
  if (options !== null && typeof options === 'object' && !options.path) options.localAddress ??= ip
  return connect.apply(this, args)
}

const client = new WebTorrent({
  dht: false, lsd: false, natUpnp: false, natPmp: false, utp: false, utPex: false,
  torrentPort: Number(port)
})
client.on('error', error => { console.error(error); process.exit(1) })

const torrent = client.add(source.startsWith('magnet:') ? source : await readFile(source), { path })
const report = () => console.log(JSON.stringify({
  done: torrent.done, progress: torrent.progress, peers: torrent.numPeers
}))
torrent.on('warning', error => console.error('warning', error.message ?? error))
torrent.on('done', report)
setInterval(report, 1000)
process.on('SIGTERM', () => client.destroy(() => process.exit(0)))
