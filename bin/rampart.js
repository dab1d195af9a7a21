#!/usr/bin/env node
// Starts the command line under the Node this project brings, whatever Node the system has, from any folder.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
const bundled = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))
const node = existsSync(bundled) ? bundled : process.execPath

// What Node makes of the sources is kept in a folder of the user's own: the next start takes half the time.
const { XDG_CACHE_HOME, NODE_COMPILE_CACHE } = process.env
const cacheHome = XDG_CACHE_HOME?.startsWith('/') ? XDG_CACHE_HOME : join(homedir(), '.cache')
const compiled = NODE_COMPILE_CACHE ?? join(cacheHome, 'rampart', 'compiled')

const child = spawn(node, ['--disable-warning=ExperimentalWarning', entry, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, NODE_COMPILE_CACHE: compiled },
})
// A signal to the launcher is for the service: it drains and this process leaves with the service's own code.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => {
  process.exitCode = signal ? 1 : (code ?? 1)
})
child.on('error', (error) => {
  console.error(`rampart: cannot start ${node}: ${error.message}; run \`npm ci\` in the project folder`)
  process.exitCode = 1
})
