import { readFile } from 'node:fs/promises'

const tables = ['/proc/net/udp', '/proc/net/udp6']

/** Datagrams for `port` that the kernel dropped in the text of `/proc/net/udp`: the last column of the sockets bound to
 * it.   @see proc_net_udp(5) */
export function countDrops(table: string, port: number): number {
  let drops = 0
  for (const line of table.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/)
    const local = columns[1]?.split(':')[1]
    if (local === undefined || Number.parseInt(local, 16) !== port) continue
    drops += Number(columns[columns.length - 1]) || 0
  }
  return drops
}

/** Datagrams for `port` that the kernel has dropped since its socket was bound; 0 where the system does not tell. */
export async function readKernelDrops(port: number): Promise<number> {
  let drops = 0
  for (const path of tables) {
    const table = await readFile(path, 'latin1').catch(() => '')
    drops += countDrops(table, port)
  }
  return drops
}
