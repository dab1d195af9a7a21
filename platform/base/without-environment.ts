/** Runs what asks the environment over and over again while it is empty: each time else is a call into the system. Of no use
 * for anything asynchronous, since everybody else would meanwhile find it empty, too. */
export function withoutEnvironment<Value>(work: () => Value): Value {
  const { env } = process
  process.env = {}
  try {
    return work()
  } finally {
    process.env = env
  }
}
