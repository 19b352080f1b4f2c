import DataParallel
import DataPipeline

/// A lane's micro-batches from the data pipeline.
final class LoaderSource: MicroBatchSource {
    private let loader: BatchLoader

    init(_ loader: BatchLoader) { self.loader = loader }

    deinit { loader.stop() }

    func next(step: Int, shard: Int) throws -> MicroBatchView {
        let batch = try loader.next()
        return batch.fields.withUnsafeBufferPointer { fields in
            // The batch owns this memory until the next call; arrays of a class's constant property do not move.
            MicroBatchView(
                fields: fields.baseAddress!, sampleCount: batch.count, firstPosition: batch.firstPosition,
                length: batch.length?.kept)
        }
    }
}
