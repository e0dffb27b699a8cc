// SPDX-License-Identifier: Apache-2.0
// node npm_tracker.mjs FOLDER PORT: npm's bittorrent-tracker, installed in FOLDER, on loopback.
import { pathToFileURL } from 'node:url'
import process from 'node:process'

const [folder, port] = process.argv.slice(2)
const home = pathToFileURL(`${folder}/node_modules/bittorrent-tracker/index.js`)
const { Server } = await import(home)
const server = new Server({ udp: false, http: true, ws: true, stats: false })
server.on('error', error => { console.error(error); process.exit(1) })
server.on('warning', () => {})
server.listen(Number(port), '127.0.0.1')
