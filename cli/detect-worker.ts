import { createLogFiles } from '../collectors/files/index.ts'
import { serveDetectWorker } from '../detection/offline/index.ts'

// The entry of a worker thread of `rampart detect`.
serveDetectWorker({ logFiles: createLogFiles() })
