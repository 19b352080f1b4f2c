import DataParallel
import Graphs

/// The same random micro-batch again and again, as the peers' scripts do: a benchmark of training, not of data.
final class FixedSource: MicroBatchSource {
    private let fields: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private let sampleCount: Int

    init(_ workload: Workload, sampleCount: Int, shard: Int) {
        self.sampleCount = sampleCount
        fields = .allocate(capacity: 2)
        let stream = RandomStream(seed: 1, purpose: UInt32(shard))
        let inputCount = sampleCount * workload.input.sampleShape.elementCount
        let input = UnsafeMutableRawPointer.allocate(byteCount: max(64, inputCount * 4), alignment: 64)
        let label = UnsafeMutableRawPointer.allocate(byteCount: max(64, sampleCount * 4), alignment: 64)
        for index in 0..<inputCount {
            if workload.input.element == .int32 {
                let id = stream.word(index) % UInt32(workload.vocabularySize)
                input.storeBytes(of: Int32(id), toByteOffset: index * 4, as: Int32.self)
            } else {
                input.storeBytes(of: stream.uniform(index) * 4 - 2, toByteOffset: index * 4, as: Float.self)
            }
        }
        for index in 0..<sampleCount {
            let value: Float = stream.word(inputCount + index) & 1 == 0 ? 0 : 1
            label.storeBytes(of: value, toByteOffset: index * 4, as: Float.self)
        }
        fields.initialize(to: input)
        (fields + 1).initialize(to: label)
    }

    deinit {
        fields[0].deallocate()
        fields[1].deallocate()
        fields.deallocate()
    }

    func next(step: Int, shard: Int) -> MicroBatchView {
        MicroBatchView(fields: fields, sampleCount: sampleCount, firstPosition: shard * sampleCount)
    }
}
