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
        fields.initialize(
            to: Self.values(
                workload.input, below: workload.vocabularySize, sampleCount: sampleCount,
                word: { stream.word($0) }))
        let inputCount = sampleCount * workload.input.sampleShape.elementCount
        (fields + 1).initialize(
            to: Self.values(
                workload.label, below: workload.classCount, sampleCount: sampleCount, isLabel: true,
                word: { stream.word(inputCount + $0) }))
    }

    /// Random ids, random 0 or 1 for float32 labels, and uniform numbers in [-2, 2) for other fields.
    private static func values(
        _ field: ModelTrace.Field, below bound: Int, sampleCount: Int, isLabel: Bool = false,
        word: (Int) -> UInt32
    ) -> UnsafeMutableRawPointer {
        let count = sampleCount * field.sampleShape.elementCount
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(64, count * 4), alignment: 64)
        for index in 0..<count {
            if field.element == .int32 {
                let id = Int32(word(index) % UInt32(max(1, bound)))
                memory.storeBytes(of: id, toByteOffset: index * 4, as: Int32.self)
            } else {
                let value = isLabel ? Float(word(index) & 1) : Float(word(index)) * 0x1p-30 - 2
                memory.storeBytes(of: value, toByteOffset: index * 4, as: Float.self)
            }
        }
        return memory
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
