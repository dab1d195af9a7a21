import { createLogFiles } from '../collectors/index.ts'
import { serveDetectWorker } from '../detection/index.ts'

// The entry of a worker thread of `rampart detect`.
serveDetectWorker({ logFiles: createLogFiles() })
